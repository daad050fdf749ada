"""Classical algorithms, one file each: arrays in, arrays out; numpy and scipy only."""
