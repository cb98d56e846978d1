-- keys
DELETE FROM [optimove].[_Customers] WHERE EXISTS (SELECT * 
FROM [optimove].[__stage_Customers] 
WHERE [optimove].[_Customers].[Player_ID] = [optimove].[__stage_Customers].[Player_ID] AND ([optimove].[_Customers].[LastUpdated] <= [optimove].[__stage_Customers].[LastUpdated] OR [optimove].[_Customers].[LastUpdated] IS NULL OR [optimove].[__stage_Customers].[LastUpdated] IS NULL));
INSERT INTO [optimove].[_Customers] ([Player_ID], [Alias], [LastUpdated], [_partition]) SELECT [optimove].[__stage_Customers].[Player_ID], [optimove].[__stage_Customers].[Alias], [optimove].[__stage_Customers].[LastUpdated], N'2026-11-20' AS _partition 
FROM [optimove].[__stage_Customers] 
WHERE NOT (EXISTS (SELECT * 
FROM [optimove].[_Customers] 
WHERE [optimove].[_Customers].[Player_ID] = [optimove].[__stage_Customers].[Player_ID]));
DELETE FROM [optimove].[_Customers] WHERE [optimove].[_Customers].[Player_ID] IN (N'o''1', N'ü');
DELETE FROM [optimove]._receipts WHERE [optimove]._receipts.feed = N'customers' AND [optimove]._receipts.partition_key = N'2026-11-20';

-- partition
DELETE FROM [optimove].[_Customers_By_Action] WHERE [optimove].[_Customers_By_Action].[_partition] = N'2026-11-20';
INSERT INTO [optimove].[_Customers_By_Action] ([report_date], [customer_id], [action_id], [_partition]) SELECT [optimove].[__stage_Customers_By_Action].[report_date], [optimove].[__stage_Customers_By_Action].[customer_id], [optimove].[__stage_Customers_By_Action].[action_id], N'2026-11-20' AS _partition 
FROM [optimove].[__stage_Customers_By_Action];
DELETE FROM [optimove].[_Customers_By_Action] WHERE [optimove].[_Customers_By_Action].[customer_id] IN (N'o''1', N'ü');
DELETE FROM [optimove]._receipts WHERE [optimove]._receipts.feed = N'customers_by_action' AND [optimove]._receipts.partition_key = N'2026-11-20';

-- all
SELECT [optimove]._receipts.partition_key 
FROM [optimove]._receipts 
WHERE [optimove]._receipts.feed = N'games_catalog';
DELETE FROM [optimove].[_Game_Types];
INSERT INTO [optimove].[_Game_Types] ([Game_ID], [Name], [_partition]) SELECT [optimove].[__stage_Game_Types].[Game_ID], [optimove].[__stage_Game_Types].[Name], N'2026-11-20' AS _partition 
FROM [optimove].[__stage_Game_Types];
DELETE FROM [optimove]._receipts WHERE [optimove]._receipts.feed = N'games_catalog' AND [optimove]._receipts.partition_key = N'2026-11-20';
