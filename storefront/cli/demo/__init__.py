"""The demo shop: a catalogue worth looking at, and any number of further products to try a size."""
