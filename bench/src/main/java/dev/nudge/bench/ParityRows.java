package dev.nudge.bench;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/// Writes the rows of a domain of the parity study: files that `train` reads, and the documents
/// that the task's file finds as its own.
///
/// Which rows they are follows from a hash of each row's `id`, so they are the same everywhere. A
/// row whose prompt stands among the documents, to the letter, is not trained on.
///
/// @param folder with `train.jsonl`, `test.jsonl`, `pilot.jsonl` and `held.jsonl`
record ParityRows(Path folder) {
  /// Rows that a pilot does not learn from and is judged by; they are of the rows to learn from.
  static final int HELD = 64;

  private record Row(String line, String prompt, String order) {}

  /// @param data the folder of the data sets
  /// @param to where a folder of the data set's name is made
  static ParityRows write(ParityDomain domain, Path data, Path to) {
    Path source = data.resolve(domain.folder());
    List<Row> train = rows(domain, source.resolve("train.jsonl"));
    List<Row> test = rows(domain, source.resolve("test.jsonl"));
    if (domain.pooled()) {
      train.addAll(test);
      train.sort(Comparator.comparing(Row::order));
      Set<String> prompts = new HashSet<>();
      train.removeIf(row -> !prompts.add(row.prompt()));
      test = new ArrayList<>(train.subList(Math.min(domain.trained(), train.size()), train.size()));
    }
    test = test.subList(0, Math.min(domain.tested(), test.size()));
    Set<String> asked =
        test.stream().map(Row::prompt).collect(Collectors.toCollection(HashSet::new));
    train.removeIf(row -> asked.contains(row.prompt()));
    if (train.size() < domain.trained() || test.isEmpty()) {
      throw new IllegalStateException(
          "%s gives %d rows to learn from and %d documents; %d and some are needed"
              .formatted(source, train.size(), test.size(), domain.trained()));
    }
    train = train.subList(0, domain.trained());
    int piloted = domain.piloted();
    ParityRows rows = new ParityRows(to.resolve(domain.folder()));
    rows.write("train", train);
    rows.write("test", test);
    rows.write("pilot", train.subList(0, piloted));
    rows.write("held", train.subList(piloted, Math.min(train.size(), piloted + HELD)));
    return rows;
  }

  Path file(String name) {
    return folder.resolve(name + ".jsonl");
  }

  /// A digest of a file's bytes.
  String digest(String name) {
    try {
      return Sha256.ofFile(file(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Row> rows(ParityDomain domain, Path file) {
    List<Row> rows = new ArrayList<>();
    Set<String> prompts = new HashSet<>(); // one row of each prompt
    for (String line : EqualRows.lines(file)) {
      JsonNode row = Json.parse(line);
      String prompt =
          domain.asked().stream()
              .map(c -> row.path(c).asString(""))
              .collect(Collectors.joining(" "));
      if (prompt.length() <= domain.characters() && prompts.add(prompt)) {
        String order = Sha256.of(row.path("id").asString("").getBytes(StandardCharsets.UTF_8));
        rows.add(new Row(line, prompt, order));
      }
    }
    rows.sort(Comparator.comparing(Row::order));
    return rows;
  }

  private void write(String name, List<Row> rows) {
    EqualRows.write(file(name), rows.stream().map(Row::line).toList());
  }
}
