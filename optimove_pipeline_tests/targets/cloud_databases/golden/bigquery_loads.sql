-- keys
DELETE FROM `acme-crm.optimove_tables`.`_Customers` WHERE EXISTS (SELECT * 
FROM `acme-crm.optimove_stage`.`stage_Customers` 
WHERE `_Customers`.`Player_ID` = `stage_Customers`.`Player_ID` AND (`_Customers`.`LastUpdated` <= `stage_Customers`.`LastUpdated` OR `_Customers`.`LastUpdated` IS NULL OR `stage_Customers`.`LastUpdated` IS NULL));
INSERT INTO `acme-crm.optimove_tables`.`_Customers` (`Player_ID`, `Alias`, `LastUpdated`, `loaded_partition`) SELECT `stage_Customers`.`Player_ID`, `stage_Customers`.`Alias`, `stage_Customers`.`LastUpdated`, '2026-11-20' AS loaded_partition 
FROM `acme-crm.optimove_stage`.`stage_Customers` 
WHERE NOT (EXISTS (SELECT * 
FROM `acme-crm.optimove_tables`.`_Customers` 
WHERE `_Customers`.`Player_ID` = `stage_Customers`.`Player_ID`));
DELETE FROM `acme-crm.optimove_tables`.`_Customers` WHERE CAST(`_Customers`.`Player_ID` AS STRING) IN (SELECT `forgotten`.`id` 
FROM `acme-crm.optimove_stage`.`forgotten`);
DELETE FROM `acme-crm.optimove_tables`._receipts WHERE _receipts.feed = 'customers' AND _receipts.partition_key = '2026-11-20';

-- partition
DELETE FROM `acme-crm.optimove_tables`.`_Customers_By_Action` WHERE `_Customers_By_Action`.`loaded_partition` = '2026-11-20';
INSERT INTO `acme-crm.optimove_tables`.`_Customers_By_Action` (`report_date`, `customer_id`, `action_id`, `loaded_partition`) SELECT `stage_Customers_By_Action`.`report_date`, `stage_Customers_By_Action`.`customer_id`, `stage_Customers_By_Action`.`action_id`, '2026-11-20' AS loaded_partition 
FROM `acme-crm.optimove_stage`.`stage_Customers_By_Action`;
DELETE FROM `acme-crm.optimove_tables`.`_Customers_By_Action` WHERE CAST(`_Customers_By_Action`.`customer_id` AS STRING) IN (SELECT `forgotten`.`id` 
FROM `acme-crm.optimove_stage`.`forgotten`);
DELETE FROM `acme-crm.optimove_tables`._receipts WHERE _receipts.feed = 'customers_by_action' AND _receipts.partition_key = '2026-11-20';

-- all
DELETE FROM `acme-crm.optimove_tables`.`_Game_Types` WHERE NOT (EXISTS (SELECT * 
FROM `acme-crm.optimove_tables`._receipts 
WHERE _receipts.feed = 'games_catalog' AND _receipts.partition_key > '2026-11-20'));
INSERT INTO `acme-crm.optimove_tables`.`_Game_Types` (`Game_ID`, `Name`, `loaded_partition`) SELECT `stage_Game_Types`.`Game_ID`, `stage_Game_Types`.`Name`, '2026-11-20' AS loaded_partition 
FROM `acme-crm.optimove_stage`.`stage_Game_Types` 
WHERE NOT (EXISTS (SELECT * 
FROM `acme-crm.optimove_tables`._receipts 
WHERE _receipts.feed = 'games_catalog' AND _receipts.partition_key > '2026-11-20'));
DELETE FROM `acme-crm.optimove_tables`._receipts WHERE _receipts.feed = 'games_catalog' AND _receipts.partition_key = '2026-11-20';
