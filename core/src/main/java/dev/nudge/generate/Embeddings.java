package dev.nudge.generate;

import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.GenerateSettings;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Embeds the texts of [GenerateSettings]: one prompt, or those of a data file.
public final class Embeddings {
  private Embeddings() {}

  /// The embedding of a text: the mean of its last hidden states, after the final norm.
  ///
  /// @param index index of the row, from 0, bad rows counted; 0 for a single text
  /// @param embedding vector as long as the model's hidden size
  public record Row(long index, float[] embedding) {}

  /// Loads the model, embeds all texts and frees the memory.
  ///
  /// @param standardInput the rows if the data file is `-`; null: `-` is refused
  /// @param watcher only its notes and warnings are called
  /// @param rows receives the embeddings in order
  /// @throws InputException if settings, model or data are wrong
  public static List<Row> of(
      GenerateSettings settings,
      Machine machine,
      @Nullable InputStream standardInput,
      Completions.Watcher watcher,
      Consumer<Row> rows) {
    try (PromptBatch asked = PromptBatch.open(settings, machine, standardInput, watcher)) {
      List<Row> all = new ArrayList<>();
      for (PromptBatch.Prompt prompt : asked.prompts()) {
        if (Thread.currentThread().isInterrupted()) {
          throw new RunException(
              "interrupted: %d of %d texts are embedded"
                  .formatted(all.size(), asked.prompts().size()));
        }
        all.add(new Row(prompt.index(), embedding(asked, prompt)));
        rows.accept(all.getLast());
      }
      return List.copyOf(all);
    }
  }

  private static float[] embedding(PromptBatch asked, PromptBatch.Prompt prompt) {
    try {
      return asked.session().embed(prompt.ids());
    } catch (InputException e) {
      if (asked.prompts().size() == 1) {
        throw e;
      }
      throw new InputException("prompt " + prompt.index() + ": " + e.getMessage(), e);
    }
  }
}
