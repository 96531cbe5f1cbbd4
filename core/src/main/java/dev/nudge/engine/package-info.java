/// One loaded model and many callers: an engine takes steps that mix the prompts and the tokens of
/// many sequences.
@org.jspecify.annotations.NullMarked
package dev.nudge.engine;
