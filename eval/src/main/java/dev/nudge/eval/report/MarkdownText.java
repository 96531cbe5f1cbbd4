package dev.nudge.eval.report;

import java.util.regex.Pattern;

/// Escapes texts for Markdown by rendering them as code, where emphasis, links, pictures, mentions
/// and HTML have no effect.
final class MarkdownText {
  private static final Pattern TICKS = Pattern.compile("`+");

  private MarkdownText() {}

  /// Inline code, also within a table cell.
  static String code(String text) {
    String line = clean(text).replaceAll("\\s+", " ").strip();
    line = line.replace("\\|", "\\ |").replace("|", "\\|"); // two backslashes would end a cell
    if (line.isEmpty()) {
      return Shown.NONE;
    }
    String fence = "`".repeat(longest(line) + 1);
    boolean space = line.startsWith("`") || line.endsWith("`");
    return fence + (space ? " " : "") + line + (space ? " " : "") + fence;
  }

  /// A code block.
  static String block(String text) {
    String clean = clean(text);
    String fence = "`".repeat(Math.max(3, longest(clean) + 1));
    return fence
        + "text\n"
        + (clean.isEmpty() ? "(empty)" : clean.stripTrailing())
        + "\n"
        + fence
        + "\n";
  }

  private static int longest(String text) {
    return TICKS.matcher(text).results().mapToInt(m -> m.end() - m.start()).max().orElse(0);
  }

  /// Removes unprintable characters.
  private static String clean(String text) {
    StringBuilder clean = new StringBuilder();
    text.replace("\r\n", "\n")
        .codePoints()
        .forEach(
            c -> {
              boolean control =
                  Character.isISOControl(c) && c != '\n' && c != '\t'
                      || Character.getType(c) == Character.SURROGATE
                      || c >= 0x202A && c <= 0x202E
                      || c >= 0x2066 && c <= 0x2069;
              clean.appendCodePoint(control ? 0xFFFD : c);
            });
    return clean.toString();
  }
}
