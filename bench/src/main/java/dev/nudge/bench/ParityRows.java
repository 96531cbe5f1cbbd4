package dev.nudge.bench;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
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
/// row whose prompt stands among the documents, to the letter, is not trained on. Where a set is
/// divided anew, rows that share a long text (a clause that several questions are asked about) stay
/// on one side.
///
/// @param folder with `train.jsonl`, `test.jsonl`, `pilot.jsonl`, `held.jsonl`, and `unseen.jsonl`
///     where rows are left
record ParityRows(Path folder) {
  /// Rows that a pilot does not learn from and is judged by, which are of the rows to learn from;
  /// epochs and warm-up are judged by as many that no run learns from.
  static final int HELD = 64;

  /// Texts up to this length, as short labels are, may be shared by rows on both sides.
  private static final int SHARED = 80;

  private record Row(String line, String prompt, String order, List<String> texts) {}

  /// @param data the folder of the data sets
  /// @param to where a folder of the data set's name is made
  static ParityRows write(ParityDomain domain, Path data, Path to) {
    Path source = data.resolve(domain.folder());
    List<Row> train = rows(domain, source.resolve("train.jsonl"));
    List<Row> test = rows(domain, source.resolve("test.jsonl"));
    if (!domain.together().isEmpty()) {
      train.addAll(test);
      train.sort(Comparator.comparing(Row::order));
      Set<String> prompts = new HashSet<>();
      train.removeIf(row -> !prompts.add(row.prompt()));
      test = divided(train, domain.trained());
      train.removeAll(test);
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
    List<Row> unseen =
        train.subList(domain.trained(), Math.min(train.size(), domain.trained() + HELD));
    train = train.subList(0, domain.trained());
    int piloted = domain.piloted();
    ParityRows rows = new ParityRows(to.resolve(domain.folder()));
    rows.write("train", train);
    rows.write("test", test);
    rows.write("pilot", train.subList(0, piloted));
    if (!unseen.isEmpty()) {
      rows.write("unseen", unseen);
    }
    rows.write("held", train.subList(piloted, Math.min(train.size(), piloted + HELD)));
    return rows;
  }

  /// The rows that are left for documents: group after group is learned from until there are
  /// enough rows, a group being what hangs together by texts, in the order of its first row.
  private static List<Row> divided(List<Row> rows, int enough) {
    List<Row> test = new ArrayList<>();
    int learned = 0;
    for (List<Row> group : groups(rows)) {
      if (learned < enough) {
        learned += group.size();
      } else {
        test.addAll(group);
      }
    }
    test.sort(Comparator.comparing(Row::order));
    return test;
  }

  private static List<List<Row>> groups(List<Row> rows) {
    List<List<Row>> groups = new ArrayList<>();
    for (Row row : rows) {
      List<List<Row>> met =
          groups.stream()
              .filter(g -> g.stream().anyMatch(r -> !Collections.disjoint(r.texts(), row.texts())))
              .toList();
      if (met.isEmpty()) {
        groups.add(new ArrayList<>(List.of(row)));
        continue;
      }
      List<Row> group = met.getFirst();
      group.add(row);
      for (List<Row> other : met.subList(1, met.size())) {
        group.addAll(other);
        groups.remove(other);
      }
    }
    return groups;
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
        List<String> texts =
            row.path(domain.together())
                .valueStream()
                .map(t -> t.asString(""))
                .filter(t -> t.length() > SHARED)
                .toList();
        rows.add(new Row(line, prompt, order, texts));
      }
    }
    rows.sort(Comparator.comparing(Row::order));
    return rows;
  }

  private void write(String name, List<Row> rows) {
    EqualRows.write(file(name), rows.stream().map(Row::line).toList());
  }
}
