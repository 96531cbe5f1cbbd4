package dev.nudge.cli.train;

import dev.nudge.data.LengthBins;
import dev.nudge.data.tokens.SeenRow;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.train.Preview;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Writes a data preview as one self-contained HTML page, without scripts, fonts or other files.
/// Trained tokens are coloured and underlined; row texts are escaped.
final class PreviewPage {
  private static final String HEAD =
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>nudge data preview</title>
      <style>
      body { font: 15px sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
      pre { font: 14px monospace; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #ddd; padding: .7em; color: #666 }
      mark { color: #0b5d1e; background: #e2f4e5; text-decoration: underline }
      th { text-align: left; vertical-align: top; padding-right: 1em; font-weight: 600 } td.n { text-align: right; padding-right: 1em }
      .bar { background: #1f6fb4; height: .8em }
      @media (prefers-color-scheme: dark) {
      body { color: #ddd; background: #16181c } pre { color: #aaa; border-color: #33373d } mark { color: #9be0a9; background: #17351d }
      }
      </style>
      </head>
      <body>
      <h1>What the model sees</h1>
      """;

  private static final String TITLE = "<title>nudge data preview</title>";

  private PreviewPage() {}

  /// Refuses to overwrite a file that is not a preview page.
  static void check(Path file) {
    if (Files.isDirectory(file)) {
      throw new InputException("--html " + file + " is a folder; give a file");
    }
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null && !Files.isDirectory(parent)) {
      throw new InputException("--html " + file + ": there is no folder " + parent);
    }
    try {
      if (Files.exists(file) && !Files.readString(file).contains(TITLE)) {
        throw new InputException(other(file));
      }
    } catch (CharacterCodingException e) {
      throw new InputException(other(file), e);
    } catch (IOException e) {
      throw new InputException("--html " + file + ": " + OutFolder.reason(e), e);
    }
  }

  private static String other(Path file) {
    return "--html %s exists and is no page of data preview; give another file".formatted(file);
  }

  static String of(Preview preview, PreviewFacts facts) {
    StringBuilder page = new StringBuilder(HEAD);
    page.append("<table>\n");
    facts.all().forEach(fact -> row(page, fact.name(), fact.value()));
    facts.advice().forEach(line -> row(page, "advice", line));
    page.append("</table>\n<h2>Lengths</h2>\n<table>\n");
    lengths(page, preview.lengths());
    page.append("</table>\n<h2>Rows</h2>\n<p>What is trained is <mark>marked</mark>.</p>\n");
    for (SeenRow row : preview.rows()) { // both answers of a pair are shown side by side
      boolean chosen = "chosen".equals(row.answer());
      boolean rejected = "rejected".equals(row.answer());
      page.append(chosen ? "<table class=\"pair\"><tr><td>\n" : rejected ? "<td>\n" : "");
      row(page, row);
      page.append(chosen ? "</td>\n" : rejected ? "</td></tr></table>\n" : "");
    }
    return page.append("</body>\n</html>\n").toString();
  }

  private static void row(StringBuilder page, String name, String value) {
    page.append("<tr><th>")
        .append(escaped(name))
        .append("</th><td>")
        .append(escaped(value))
        .append("</td></tr>\n");
  }

  private static void lengths(StringBuilder page, LengthBins lengths) {
    List<Integer> counts = lengths.counts();
    int most = counts.stream().mapToInt(Integer::intValue).max().orElse(1);
    for (int bin = 0; bin < counts.size(); bin++) {
      page.append(
          String.format(
              Locale.ROOT,
              "<tr><th>%s</th><td class=\"n\">%,d</td><td><div class=\"bar\""
                  + " style=\"width:%.1fem\"></div></td></tr>\n",
              lengths.names().get(bin),
              counts.get(bin),
              30.0 * counts.get(bin) / most));
    }
  }

  private static void row(StringBuilder page, SeenRow row) {
    page.append("<h3>")
        .append(escaped(PreviewText.heading(row)))
        .append("</h3>\n<pre>\n"); // HTML ignores this line break
    for (SeenRow.Part part : row.parts()) {
      String text = escaped(part.text());
      page.append(part.trained() ? "<mark>" + text + "</mark>" : text);
    }
    page.append("</pre>\n");
  }

  /// Escapes text for HTML; control characters become visible signs.
  static String escaped(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> safe.append("&amp;");
        case '<' -> safe.append("&lt;");
        case '>' -> safe.append("&gt;");
        case '"' -> safe.append("&quot;");
        case '\'' -> safe.append("&#39;");
        case '\n', '\t' -> safe.append(c);
        default -> safe.append(Character.isISOControl(c) ? '\uFFFD' : c);
      }
    }
    return safe.toString();
  }
}
