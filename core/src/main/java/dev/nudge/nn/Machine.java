package dev.nudge.nn;

import java.nio.file.Path;

/// What a run may use of the machine; the caller finds it out.
///
/// @param threads processor threads
/// @param memoryBytes memory that is free for a run
/// @param cache folder for unpacked native libraries
/// @param name what is written into records, for example `Linux x86-64, 2 processors`
public record Machine(int threads, long memoryBytes, Path cache, String name) {}
