package dev.nudge.export;

import dev.nudge.format.OutFolder;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.ExportSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Writes the `Modelfile` by which Ollama makes a model of a GGUF file: where it is, and which
/// texts
/// end an answer. Ollama finds the template by the chat template in the file.
final class Modelfile {
  private static final String MARK = "# Written by nudge export. ";

  private Modelfile() {}

  /// Writes the file beside a model.
  ///
  /// @return its path; null: a file that nudge did not write is there, and stays
  static @Nullable Path write(
      ExportSettings settings, TokenizerKeys tokenizer, ModelConfig config) {
    Set<Integer> ends = new LinkedHashSet<>();
    ends.add(tokenizer.tokenizer().eosId());
    ends.addAll(config.eosTokenIds());
    StringBuilder text = new StringBuilder();
    text.append("FROM ./").append(settings.out().getFileName()).append('\n');
    for (int id : ends) {
      String end = tokenizer.tokenizer().token(id);
      if (end != null && !end.contains("\"")) {
        text.append("PARAMETER stop \"").append(end).append("\"\n");
      }
    }
    return place(settings, text.toString());
  }

  /// Writes the file beside an adapter.
  ///
  /// @return as of a model
  static @Nullable Path ofAdapter(ExportSettings settings) {
    return place(
        settings,
        "# Put the base beside it as BASE.gguf: nudge export --model BASE --out BASE.gguf\n"
            + "FROM ./BASE.gguf\nADAPTER ./"
            + settings.out().getFileName()
            + "\n");
  }

  private static @Nullable Path place(ExportSettings settings, String text) {
    Path file = settings.out().resolveSibling("Modelfile");
    try {
      if (Files.exists(file) && !Files.readString(file).startsWith(MARK)) {
        return null;
      }
    } catch (IOException e) {
      return null;
    }
    OutFolder.place(file, MARK + "Make the model by: ollama create NAME -f Modelfile\n" + text);
    return file;
  }
}
