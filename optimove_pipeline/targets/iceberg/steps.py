"""What both sides set up before Iceberg tables are read, with the tenant's own names."""

from __future__ import annotations

from collections.abc import Sequence

from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.iceberg import storage_steps
from optimove_pipeline.targets.iceberg.schemas import name_of, schema_of
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings
from optimove_pipeline.targets.table import STAMP, Replace, Table

VOLUME, INTEGRATION = "optimove_volume", "optimove_catalog"


def steps_of(settings: IcebergSettings, tables: Sequence[Table]) -> list[Step]:
    """Return all steps in order (reference on delivery, section 3.2)."""
    if settings.catalog == "unity":
        return [*_unity_before(settings), *program_steps(settings, tables), *_unity_after(settings, tables)]
    return [
        *storage_steps.before(settings),
        *program_steps(settings, tables),
        *storage_steps.reading(settings, VOLUME),
        *_catalog(settings),
        *_tables(settings, tables),
        *_verify(settings, tables),
    ]


def program_steps(settings: IcebergSettings, tables: Sequence[Table]) -> list[Step]:
    """Return the steps of the program: the namespace, then each table, in their order."""
    where = "\n".join(f"{name}: {value}" for name, value in _catalog_values(settings).items())
    return [
        Step(Who.PROGRAM, f"create the namespace {settings.namespace} in the {settings.catalog} catalog", where),
        *(
            Step(Who.PROGRAM, f"create the table {settings.namespace}.{name_of(each)}", _columns(each))
            for each in tables
        ),
    ]


def _catalog_values(settings: IcebergSettings) -> dict[str, str]:
    found = {"catalog": settings.catalog, "uri": settings.uri, "warehouse": settings.warehouse}
    return {name: value for name, value in found.items() if value}


def _columns(table: Table) -> str:
    fields = schema_of(table).fields
    lines = [f"{each.name} {each.field_type}{' required' if each.required else ''}" for each in fields]
    rule = {
        Replace.KEYS: f"a row replaces that of the same key ({', '.join(table.key)}), unless it is older",
        Replace.PARTITION: f"the rows of a partition replace those with the same {STAMP}",
        Replace.ALL: "each delivery replaces all rows",
    }
    return "\n".join([*lines, f"-- {rule[table.replace]}"])


def _catalog(settings: IcebergSettings) -> list[Step]:
    if settings.catalog == "sql":
        text = (
            "A catalog in an SQL database is read by pyiceberg, Spark or Trino with the address of that database,\n"
            "not by Snowflake or Databricks. Where Optimove reads through these, set `catalog` to glue, polaris,\n"
            "unity or rest."
        )
        return [
            Step(Who.COMPANY, "hand over the address of the catalog's database, with a login that only reads", text)
        ]
    title = "create the catalog integration (Snowflake)"
    head = f"CREATE CATALOG INTEGRATION {INTEGRATION}\n  TABLE_FORMAT = ICEBERG\n"
    tail = f"  CATALOG_NAMESPACE = '{settings.namespace}'\n  ENABLED = TRUE;"
    return [*_hand_over(settings), Step(Who.OPTIMOVE, title, f"{head}{_source(settings)}{tail}")]


def _source(settings: IcebergSettings) -> str:
    if settings.catalog == "glue":
        return (
            "  CATALOG_SOURCE = GLUE\n  GLUE_AWS_ROLE_ARN = '<role ARN>'\n  GLUE_CATALOG_ID = '<AWS account id>'\n"
            f"  GLUE_REGION = '{settings.region}'\n"
        )
    source = "POLARIS" if settings.catalog == "polaris" else "ICEBERG_REST"
    scope = settings.scope or "PRINCIPAL_ROLE:ALL"
    login = (
        "(TYPE = BEARER BEARER_TOKEN = '<token>')"
        if settings.token
        else "(TYPE = OAUTH OAUTH_CLIENT_ID = '<client id>' OAUTH_CLIENT_SECRET = '<secret>' "
        f"OAUTH_ALLOWED_SCOPES = ('{scope}'))"
    )
    return (
        f"  CATALOG_SOURCE = {source}\n  REST_CONFIG = (CATALOG_URI = '{_address(settings)}' "
        f"CATALOG_NAME = '{settings.warehouse}')\n  REST_AUTHENTICATION = {login}\n"
    )


def _address(settings: IcebergSettings) -> str:
    """Return the catalog's address; one that is a reference is not looked up, and stays as it is."""
    if "${" in (settings.uri or ""):
        return str(settings.uri)
    from optimove_pipeline.targets.iceberg.catalogs import catalog_address

    return catalog_address(settings)


def _hand_over(settings: IcebergSettings) -> list[Step]:
    if settings.catalog == "glue":
        text = f"glue:GetDatabase, glue:GetDatabases, glue:GetTable, glue:GetTables on database {settings.namespace}"
        return [Step(Who.COMPANY, "let the role of the external volume read the catalog", text)]
    text = (
        f"catalog address: {_address(settings)}\ncatalog name: {settings.warehouse}\n"
        f"namespace: {settings.namespace}\n"
        "client id and secret, or token: through a vault link"
    )
    title = "make a login for Optimove that may read the namespace and nothing else, and hand over"
    return [Step(Who.COMPANY, title, text)]


def _tables(settings: IcebergSettings, tables: Sequence[Table]) -> list[Step]:
    if settings.catalog == "sql":
        return []
    text = "\n".join(
        f"CREATE ICEBERG TABLE {name_of(each)} EXTERNAL_VOLUME = '{VOLUME}' CATALOG = '{INTEGRATION}' "
        f"CATALOG_TABLE_NAME = '{name_of(each)}' AUTO_REFRESH = TRUE;"
        for each in tables
    )
    return [Step(Who.OPTIMOVE, "create the tables over the catalog's (Snowflake)", text)]


def _verify(settings: IcebergSettings, tables: Sequence[Table]) -> list[Step]:
    quote = "`" if settings.catalog == "unity" else '"'
    text = "\n".join(
        f"SELECT count(*){f', max({quote}{each.changed}{quote})' if each.changed else ''} FROM {name_of(each)};"  # noqa: S608 - a statement for people
        for each in tables
    )
    title = "compare rows and newest change with `optimove-pipeline check`, after the first delivery and the second"
    return [Step(Who.OPTIMOVE, title, text)]


def _unity_before(settings: IcebergSettings) -> list[Step]:
    text = (
        f"CREATE SCHEMA IF NOT EXISTS {settings.warehouse}.{settings.namespace};\n"
        f"GRANT USE CATALOG ON CATALOG {settings.warehouse} TO `<service principal of the pipeline>`;\n"
        f"GRANT USE SCHEMA, CREATE TABLE, SELECT, MODIFY, EXTERNAL USE SCHEMA ON SCHEMA "
        f"{settings.warehouse}.{settings.namespace} TO `<service principal of the pipeline>`;"
    )
    return [
        Step(Who.COMPANY, "allow external access in the metastore's settings (Databricks)"),
        Step(Who.COMPANY, "let the pipeline's service principal write Iceberg tables (Databricks)", text),
    ]


def _unity_after(settings: IcebergSettings, tables: Sequence[Table]) -> list[Step]:
    schema = f"{settings.warehouse}.{settings.namespace}"
    names = [f"{schema}.{name_of(each)}" for each in tables]
    grants = "\n".join(f"GRANT SELECT ON TABLE {name} TO `<service principal for Optimove>`;" for name in names)
    use = (
        f"GRANT USE CATALOG ON CATALOG {settings.warehouse} TO `<service principal for Optimove>`;\n"
        f"GRANT USE SCHEMA, EXTERNAL USE SCHEMA ON SCHEMA {schema} TO `<service principal for Optimove>`;\n"
    )
    text = (
        f"tables: {', '.join(names)}\ncatalog address: {_address(settings)}\nsecret of the service principal, or its "
        "token: through a vault link\nstorage container URL: <URL>\nAzure tenant id: <id, on Azure>\n"
        "external location name: <name>"
    )
    return [
        Step(
            Who.COMPANY, "make a service principal for Optimove that may read the tables (Databricks)", use + grants
        ),
        Step(Who.COMPANY, "hand over", text),
        *_verify(settings, tables),
    ]
