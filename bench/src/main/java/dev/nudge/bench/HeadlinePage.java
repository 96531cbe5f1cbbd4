package dev.nudge.bench;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// Holds the measurements of a [Headline] call, stored in `docs/headline.json`, and writes them
/// into the generated blocks of README and `docs/benchmarks.md`.
///
/// @param machine processor, instruction sets, memory, compute type, version of oneDNN
/// @param commit measured commit
/// @param minutes of all measurements
record HeadlinePage(
    String machine, String date, String commit, String model, long minutes, List<Row> rows) {
  static final Path RECORD = Path.of("docs", "headline.json");
  static final Path README = Path.of("README.md");
  static final Path BENCHMARKS = Path.of("docs", "benchmarks.md");
  private static final String BEGIN = "<!-- headline -->\n";
  private static final String END = "<!-- /headline -->";
  private static final String NOT_RUN =
      "`bench/headline` was not run yet: there is no `docs/headline.json`.\n";

  /// One figure.
  ///
  /// @param name for `--only`
  /// @param figure with its unit; [Headline#NONE]: not measured
  /// @param rounds the single measurements
  /// @param beside the peer and its versions, or why the figure was not measured
  record Row(String name, String what, String figure, String rounds, String beside) {}

  /// Renders README's generated block from the record.
  static String readme(Path home) throws IOException {
    return block(
        home,
        page -> {
          StringBuilder text = new StringBuilder("| what | figure | beside |\n|---|---|---|\n");
          for (Row row : page.rows) {
            text.append("| %s | %s | %s |\n".formatted(row.what, row.figure, row.beside));
          }
          return text + "\n" + page.conditions();
        });
  }

  /// Renders the block of `docs/benchmarks.md` from the record.
  static String benchmarks(Path home) throws IOException {
    return block(
        home,
        page -> {
          StringBuilder text =
              new StringBuilder(
                  "| name | what | figure | rounds | beside |\n|---|---|---|---|---|\n");
          for (Row row : page.rows) {
            text.append(
                "| `%s` | %s | %s | %s | %s |\n"
                    .formatted(row.name, row.what, row.figure, row.rounds, row.beside));
          }
          return text + "\n" + page.conditions();
        });
  }

  private String conditions() {
    return "`bench/headline`, %s, commit %s, %s, %d minutes; %s.\n"
        .formatted(date, commit, model, minutes, machine);
  }

  private static String block(Path home, Function<HeadlinePage, String> shown) throws IOException {
    Path record = home.resolve(RECORD);
    return Files.exists(record)
        ? shown.apply(Json.record(Json.read(record), HeadlinePage.class))
        : NOT_RUN;
  }

  /// Returns a page's generated block.
  static String written(Path page) throws IOException {
    String text = Files.readString(page);
    return text.substring(begin(page, text), text.indexOf(END));
  }

  private static int begin(Path page, String text) {
    int begin = text.indexOf(BEGIN);
    if (begin < 0 || text.indexOf(END) < begin) {
      throw new IllegalStateException(
          page + " has no lines " + BEGIN.strip() + " and " + END + " around its figures");
    }
    return begin + BEGIN.length();
  }

  /// Writes the record and both blocks.
  void write(Path home) throws IOException {
    Files.writeString(home.resolve(RECORD), Json.indented(this) + "\n");
    replace(home.resolve(README), readme(home));
    replace(home.resolve(BENCHMARKS), benchmarks(home));
  }

  private static void replace(Path page, String block) throws IOException {
    String text = Files.readString(page);
    Files.writeString(
        page, text.substring(0, begin(page, text)) + block + text.substring(text.indexOf(END)));
  }
}
