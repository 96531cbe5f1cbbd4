package dev.nudge.generate;

import dev.nudge.data.Prompts;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.GenerateSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/// Completes what [GenerateSettings] ask for: one prompt, or the prompts of rows. The command's
/// `generate` and `Nudge.generate` both call it.
public final class Completions {
  private Completions() {}

  /// A completion and the row that it belongs to.
  ///
  /// @param index of the row, from 0, bad rows counted; 0 where one prompt was asked for
  public record Row(long index, Completion completion) {}

  /// Loads the model, completes, and frees all.
  ///
  /// @param rows told in order, each when it is done
  /// @param pieces told the text of one prompt as it comes, whole characters only
  /// @param warnings told one line each
  /// @return what `rows` was told
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can mend
  /// @throws dev.nudge.settings.RunException where an interrupt left rows that were not completed
  public static List<Row> of(
      GenerateSettings settings,
      Machine machine,
      Consumer<Row> rows,
      Consumer<String> pieces,
      Consumer<String> warnings) {
    DataSettings data = settings.rows();
    return data == null
        ? List.of(one(settings, machine, rows, pieces, warnings))
        : many(settings, data, machine, rows, warnings);
  }

  private static Row one(
      GenerateSettings settings,
      Machine machine,
      Consumer<Row> rows,
      Consumer<String> pieces,
      Consumer<String> warnings) {
    try (Session session = Session.load(settings.model(), settings.adapter(), machine, warnings)) {
      Generation generation =
          new Generation(session, settings.sampling(), threads(settings, machine));
      String prompt = Objects.requireNonNull(settings.prompt());
      Row row = new Row(0, generation.complete(prompt, pieces));
      rows.accept(row);
      return row;
    }
  }

  private static List<Row> many(
      GenerateSettings settings,
      DataSettings data,
      Machine machine,
      Consumer<Row> rows,
      Consumer<String> warnings) {
    Path model = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(model));
    Tokenizer tokenizer = Tokenizer.load(model, machine.cache());
    Prompts prompts = Prompts.load(data, maxLength, tokenizer);
    if (prompts.badRows() > 0) {
      warnings.accept(setAside(prompts));
    }
    List<Row> done = new ArrayList<>();
    try (Session session =
        Session.load(settings.model(), settings.adapter(), tokenizer, machine, warnings)) {
      int threads = threads(settings, machine);
      new Generation(session, settings.sampling(), threads)
          .complete(
              prompts.prompts().stream().map(Prompts.Prompt::text).toList(),
              Objects.requireNonNullElse(settings.model().lanes(), threads),
              (completion, i) -> {
                done.add(new Row(prompts.prompts().get(i).index(), completion));
                rows.accept(done.getLast());
              });
    }
    return List.copyOf(done);
  }

  private static String setAside(Prompts prompts) {
    int bad = prompts.badRows();
    return (bad == 1 ? "1 bad row is" : bad + " bad rows are")
        + " set aside, the first: "
        + prompts.firstBadRows().getFirst();
  }

  private static int threads(GenerateSettings settings, Machine machine) {
    return Objects.requireNonNullElse(settings.model().threads(), machine.threads());
  }
}
