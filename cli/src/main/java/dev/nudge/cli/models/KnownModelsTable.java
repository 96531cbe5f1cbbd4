package dev.nudge.cli.models;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A table of models of tested families, with the planned memory of training.
/// `KnownModelsTableTest` generates it from [dev.nudge.hub.KnownNames] by the planner, as planning
/// all models takes seconds.
public final class KnownModelsTable {
  static final String FILE = "known-models.txt";

  private KnownModelsTable() {}

  /// Returns the lines of the table, and the legend of its figures.
  public static List<String> lines() {
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
          "Sizes and memory are computed: an adapter, defaults of train, rows of 1,024 tokens, one"
              + " lane.");
      lines.add(
          "Tests run each family on tiny models. LOADED says what was run of the model itself:");
      lines.add(
          "rebuilt weights are bf16 made from a Q4_1 file; nothing was ever fetched from the real"
              + " hub.");
      return lines;
    } catch (IOException e) {
      throw new IllegalStateException(FILE + " cannot be read", e);
    }
  }
}
