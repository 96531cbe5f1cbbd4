package dev.nudge.generate;

import dev.nudge.data.ChatRows;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Prompts;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The prompts of [GenerateSettings] and the session that completes them.
///
/// @param prompts each with the index of its row; a single prompt is row 0
/// @param turnEnd the chat template's end-of-turn token, which ends an answer too; null: none
record PromptBatch(Session session, List<Prompt> prompts, @Nullable Integer turnEnd)
    implements AutoCloseable {

  /// A prompt and the number of its row.
  ///
  /// @param ids its tokens
  record Prompt(int index, int[] ids) {}

  /// Reads the prompts and loads the model.
  ///
  /// @param standardInput read where the rows' file is `-`; null: that is refused
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can mend
  static PromptBatch open(
      GenerateSettings settings,
      Machine machine,
      @Nullable InputStream standardInput,
      Completions.Watcher watcher) {
    DataSettings data = settings.rows();
    Path model = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(model));
    Tokenizer tokenizer = Session.tokenizer(model, settings.adapter(), machine);
    String named = settings.shape().template();
    ChatRows chat = ChatRows.of(model, settings.adapter(), named, TrainOn.ASSISTANT, tokenizer);
    PromptEncoder encoder = new PromptEncoder(tokenizer, chat, settings.chat(), settings.system());
    AdapterPatterns.checkTemplate(named, model, settings.adapter(), watcher::warn);
    if (data == null) {
      String prompt = Objects.requireNonNull(settings.prompt());
      int[] ids = ids(prompt, encoder);
      AdapterPatterns.check(prompt, settings.adapter(), settings.model().anyBase(), watcher::warn);
      boolean plain = !settings.chat() && !chat.speaks(prompt);
      if (settings.chat() || plain) {
        AdapterPatterns.checkSpoken(
            settings.chat(), settings.adapter(), settings.model().anyBase(), watcher::warn);
      }
      checkSystem(settings, chat, watcher);
      if (settings.adapter() == null && plain && ChatTemplate.isIn(model)) {
        watcher.note(
            "%s has a chat template, and this prompt stands as it is; --chat says it to the model as a user"
                .formatted(model));
      }
      Session session = session(settings, tokenizer, machine, watcher);
      return new PromptBatch(session, List.of(new Prompt(0, ids)), turnEnd(chat));
    }
    AdapterPatterns patterns =
        AdapterPatterns.of(
            data, settings.adapter(), settings.model().anyBase(), watcher::note, watcher::warn);
    Prompts prompts = patterns.read(d -> Prompts.load(d, standardInput, maxLength, encoder));
    if (prompts.badRows() > 0) {
      watcher.warn(
          Count.of(prompts.badRows(), "bad row", "is", "are")
              + " set aside, the first: "
              + prompts.firstBadRows().getFirst());
    }
    ChatRows.warnUnused(data, chat.used() != null, watcher::warn);
    AdapterPatterns.checkSpoken(
        chat.used() != null, settings.adapter(), settings.model().anyBase(), watcher::warn);
    checkSystem(settings, chat, watcher);
    return new PromptBatch(
        session(settings, tokenizer, machine, watcher),
        prompts.prompts().stream().map(p -> new Prompt(p.index(), p.ids())).toList(),
        turnEnd(chat));
  }

  private static void checkSystem(
      GenerateSettings settings, ChatRows chat, Completions.Watcher watcher) {
    if (settings.system() != null && chat.used() == null) {
      watcher.warn(
          "--system is not used: no row has messages, and all are read as they stand; --chat says"
              + " them to the model as a user");
    } else if (settings.system() != null || chat.lacksSystem()) {
      AdapterPatterns.checkSystem(
          settings.system(), settings.adapter(), settings.model().anyBase(), watcher::warn);
    }
  }

  private static @Nullable Integer turnEnd(ChatRows chat) {
    return chat.used() == null ? null : chat.turnEnd();
  }

  private static int[] ids(String prompt, PromptEncoder encoder) {
    try {
      return encoder.of(prompt).ids();
    } catch (IllegalArgumentException e) {
      throw new InputException("--prompt: " + e.getMessage(), e);
    }
  }

  private static Session session(
      GenerateSettings settings,
      Tokenizer tokenizer,
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
