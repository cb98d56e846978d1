"""The company whose Optimove the sandbox is: its own database, names, types and mistakes.

``database.build_company`` makes it; ``settings.company_settings`` are the settings that send it to Optimove.
"""
