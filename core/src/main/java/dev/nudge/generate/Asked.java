package dev.nudge.generate;

import dev.nudge.data.Prompts;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.GenerateSettings;
import dev.nudge.text.Tokenizer;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What is asked of a model: prompts, and the session that answers them.
///
/// @param prompts each with the index of its row; one prompt is row 0
record Asked(Session session, List<Prompt> prompts) implements AutoCloseable {

  /// A prompt and the number of its row.
  record Prompt(int index, String text) {}

  /// Reads the prompts and loads the model.
  ///
  /// @param standardInput read where the rows' file is `-`; null: that is refused
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can mend
  static Asked open(
      GenerateSettings settings,
      Machine machine,
      @Nullable InputStream standardInput,
      Completions.Watcher watcher) {
    DataSettings data = settings.rows();
    if (data == null) {
      Session session = session(settings, null, machine, watcher);
      String prompt = Objects.requireNonNull(settings.prompt());
      AdapterPatterns.check(prompt, settings.adapter(), settings.model().anyBase(), watcher::warn);
      return new Asked(session, List.of(new Prompt(0, prompt)));
    }
    Path model = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(model));
    Tokenizer tokenizer = Session.tokenizer(model, settings.adapter(), machine);
    AdapterPatterns patterns =
        AdapterPatterns.of(
            data, settings.adapter(), settings.model().anyBase(), watcher::note, watcher::warn);
    Prompts prompts = patterns.read(d -> Prompts.load(d, standardInput, maxLength, tokenizer));
    if (prompts.badRows() > 0) {
      watcher.warn(
          Count.of(prompts.badRows(), "bad row", "is", "are")
              + " set aside, the first: "
              + prompts.firstBadRows().getFirst());
    }
    return new Asked(
        session(settings, tokenizer, machine, watcher),
        prompts.prompts().stream().map(p -> new Prompt(p.index(), p.text())).toList());
  }

  private static Session session(
      GenerateSettings settings,
      @Nullable Tokenizer tokenizer,
      Machine machine,
      Completions.Watcher watcher) {
    Session session =
        Session.load(
            settings.model(),
            settings.adapter(),
            tokenizer,
            settings.memory(),
            machine,
            watcher::warn);
    if (settings.memory() != null) {
      watcher.note(session.plan());
    }
    return session;
  }

  @Override
  public void close() {
    session.close();
  }
}
