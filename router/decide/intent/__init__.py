"""The embedded intent model: a small linear model of word and character pieces, in the process, without any server."""
