// The precompiled header belongs to a target with a source of its own.
