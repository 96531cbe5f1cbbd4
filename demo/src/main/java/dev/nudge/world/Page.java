package dev.nudge.world;

/// A pre-training text for the base, or an instruction with its answer.
///
/// @param ask the text, or the instruction
/// @param answer empty for a plain text
record Page(String ask, String answer) {
  static Page of(String text) {
    return new Page(text, "");
  }

  String text() {
    return ask + answer;
  }
}
