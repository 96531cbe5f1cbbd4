package dev.nudge.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Computes the lines that a terminal shows after a stream of text, in which a program has redrawn
/// some lines in place.
///
/// It parses `nudge`'s output: carriage return, new line, and the sequence that erases to the end
/// of a line (`ESC [ K`). Other sequences (colours, line wrap) and control characters leave no
/// mark.
final class TerminalScreen {
  private static final Pattern SEQUENCE = Pattern.compile("\u001b\\[([?0-9;]*)([A-Za-z])");

  private final List<StringBuilder> lines = new ArrayList<>();
  private int column;

  private TerminalScreen() {
    lines.add(new StringBuilder());
  }

  /// Returns the visible lines of a recorded stream, without trailing spaces or trailing empty
  /// lines.
  static List<String> lines(String stream) {
    TerminalScreen screen = new TerminalScreen();
    Matcher sequence = SEQUENCE.matcher(stream);
    for (int at = 0; at < stream.length(); ) {
      if (sequence.region(at, stream.length()).lookingAt()) {
        if (sequence.group(2).equals("K") && sequence.group(1).isEmpty()) {
          screen.line().setLength(Math.min(screen.column, screen.line().length()));
        }
        at = sequence.end();
      } else {
        int c = stream.codePointAt(at);
        screen.put(c);
        at += Character.charCount(c);
      }
    }
    List<String> shown = new ArrayList<>();
    screen.lines.forEach(line -> shown.add(line.toString().stripTrailing()));
    while (!shown.isEmpty() && shown.getLast().isEmpty()) {
      shown.removeLast();
    }
    return shown;
  }

  private StringBuilder line() {
    return lines.getLast();
  }

  private void put(int c) {
    switch (c) {
      case '\n' -> {
        lines.add(new StringBuilder());
        column = 0;
      }
      case '\r' -> column = 0;
      default -> {
        if (c < ' ') {
          return;
        }
        int end = Math.min(column + Character.charCount(c), line().length());
        line().replace(column, end, Character.toString(c));
        column += Character.charCount(c);
      }
    }
  }
}
