package dev.nudge.world;

/// A text of the base's schooling; where it asks something, what is asked and the answer.
///
/// @param ask the text, or what comes before the answer
/// @param answer empty where nothing is asked
record Page(String ask, String answer) {
  static Page of(String text) {
    return new Page(text, "");
  }

  String text() {
    return ask + answer;
  }
}
