package dev.nudge.align;

import java.util.Map;

/// A completion to be judged.
///
/// @param prompt as the model saw it
/// @param completion without special tokens
/// @param tokens of the completion, end token included
/// @param finished whether it ended by itself, not by its length
/// @param row the columns of the prompt's row: texts and numbers as they are written, lists and
/// maps
public record Sample(
    String prompt, String completion, int tokens, boolean finished, Map<String, Object> row) {}
