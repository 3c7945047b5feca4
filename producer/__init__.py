"""Posts leave the database: the generated tables, the emulator and its senders."""
