package dev.nudge.export;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// What an export has written.
///
/// @param modelfile the Ollama file beside it; null: another one is in its place
/// @param architecture llama.cpp's name
/// @param type of the matrices, such as `q4_k`
/// @param tensors their number
/// @param bytes of the file
/// @param licence that the file names; null: none
public record Exported(
    Path out,
    @Nullable Path modelfile,
    String architecture,
    String type,
    int tensors,
    long bytes,
    @Nullable String licence,
    double seconds) {}
