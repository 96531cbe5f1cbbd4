package dev.nudge.export;

import dev.nudge.data.rows.RowPattern;
import dev.nudge.format.OutFolder;
import dev.nudge.identity.Identity;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.ExportSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Writes the `Modelfile` by which Ollama makes a model of a GGUF file: where it is, and which
/// texts end an answer. Of an adapter that learned prompts it has the pattern as the template; else
/// Ollama finds the template by the chat template in the file.
final class Modelfile {
  private static final String PROMPT = "{{ .Prompt }}";
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
    text.append(template(settings.adapter()));
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
            + "\n"
            + template(settings.adapter()));
  }

  /// The template of an adapter that learned prompts: its pattern around the one text that Ollama
  /// asks with, or that text alone where the pattern has several columns or there is none. Empty
  /// for conversations.
  private static String template(@Nullable Path adapter) {
    Identity identity = adapter == null ? null : Identity.read(adapter, true);
    if (identity == null || !Boolean.FALSE.equals(identity.conversations())) {
      return "";
    }
    String given = identity.pattern("prompt");
    RowPattern pattern = given == null ? null : RowPattern.parse("prompt", given);
    if (pattern == null || pattern.columns().size() != 1) {
      String form =
          pattern == null
              ? ""
              : "# Ask with the whole prompt: "
                  + pattern.render(column -> "{" + column + "}").replace("\n", "\\n")
                  + "\n";
      return form + "TEMPLATE \"\"\"" + PROMPT + "\"\"\"\n";
    }
    // what a text of Go's templates or of a Modelfile would end is written as an expression
    String around =
        pattern.render(column -> "\0").replaceAll("[{\"]", "{{ `$0` }}").replace("\0", PROMPT);
    return "TEMPLATE \"\"\"" + around + "\"\"\"\n";
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
