package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Draws a recorded terminal as an SVG: `bench/picture`.
///
/// Every line is one text element with a fixed length, so columns align in any monospaced font.
/// Lines that begin with `$ ` are commands.
public final class TerminalPicture {
  private static final int FONT = 13; // px
  private static final double CELL = 7.8; // px, a column
  private static final int LEADING = 18; // px, a line
  private static final int MARGIN = 16; // px
  private static final int LEAST_COLUMNS = 80;

  private TerminalPicture() {}

  /// Reads a recorded stream and writes its picture.
  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/picture", args, "--in docs/quickstart-run.txt --out docs/quickstart.svg");
    Path out = flags.path("out");
    Files.writeString(out, svg(Files.readString(flags.path("in"))));
    System.out.println(out + ", " + Files.size(out) + " bytes");
  }

  /// Draws the terminal's content after `stream`.
  static String svg(String stream) {
    List<String> lines = TerminalScreen.lines(stream);
    int columns = LEAST_COLUMNS;
    for (String line : lines) {
      columns = Math.max(columns, columns(line));
    }
    StringBuilder svg = new StringBuilder();
    append(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %d\" font-size=\"%d\""
            + " font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">",
        Math.ceil(columns * CELL + 2 * MARGIN),
        lines.size() * LEADING + 2 * MARGIN,
        FONT);
    append(svg, "<rect width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"#1b1f24\"/>");
    append(svg, "<style>text { fill: #d0d7de; white-space: pre } .c { fill: #7ee787 }</style>");
    for (int i = 0; i < lines.size(); i++) {
      String text = lines.get(i).strip();
      if (!text.isEmpty()) {
        int indent = lines.get(i).indexOf(text);
        append(
            svg,
            "<text%s x=\"%.1f\" y=\"%d\" textLength=\"%.1f\" xml:space=\"preserve\">%s</text>",
            lines.get(i).startsWith("$ ") ? " class=\"c\"" : "",
            MARGIN + indent * CELL,
            MARGIN + FONT + i * LEADING,
            columns(text) * CELL,
            text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"));
      }
    }
    return svg.append("</svg>\n").toString();
  }

  private static int columns(String text) {
    return text.codePointCount(0, text.length());
  }

  private static void append(StringBuilder svg, String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
