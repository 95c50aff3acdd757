"""The Spicy grammar for Zeek, made from the same outline as the engine's layouts."""
