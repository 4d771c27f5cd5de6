"""The whole analysis of one administration: from scored responses to the tables that a report shows."""
