package dev.nudge.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The models that are known to work, with the memory that training takes: a table that
/// `KnownModelsTableTest` makes of [dev.nudge.hub.KnownNames] by the planner, as planning all of
/// them takes seconds.
final class KnownModelsTable {
  static final String FILE = "known-models.txt";

  private KnownModelsTable() {}

  /// The lines of the table, and what its figures are.
  static List<String> lines() {
    try (InputStream in = KnownModelsTable.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new IllegalStateException(FILE + " is not in the jar");
      }
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      List<String> lines = new ArrayList<>();
      lines.add("");
      lines.addAll(text.strip().lines().toList());
      lines.add("");
      lines.add(
          "Memory as planned for an adapter: defaults of train, rows of 1,024 tokens, one lane.");
      return lines;
    } catch (IOException e) {
      throw new IllegalStateException(FILE + " cannot be read", e);
    }
  }
}
