package dev.nudge.generate;

import dev.nudge.machine.Machine;
import dev.nudge.settings.ChatSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.SamplingSettings;
import dev.nudge.settings.Schema;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// A conversation with a model: messages that a chat template turns into a prompt, and answers.
///
/// Threading: one thread.
public final class Chat implements AutoCloseable {
  private final Session session;
  private final ChatPrompts base; // of the base alone
  private final Map<String, ChatPrompts> prompts; // of each adapter
  private final String model;
  private SamplingSettings sampling;
  private @Nullable String system;
  private ArrayNode said = JsonNodeFactory.instance.arrayNode();
  private long tries;

  private Chat(
      Session session, ChatPrompts base, Map<String, ChatPrompts> prompts, ChatSettings settings) {
    this.session = session;
    this.base = base;
    this.prompts = prompts;
    this.sampling = settings.sampling();
    this.system = settings.system();
    this.model = settings.model().model().toString();
  }

  /// Loads a model with its adapters, of which the first is on, and begins a conversation.
  ///
  /// @param warnings told one line each
  /// @throws InputException in one line, for whatever a user can mend
  public static Chat open(ChatSettings settings, Machine machine, Consumer<String> warnings) {
    List<Map.Entry<String, Path>> adapters = List.copyOf(settings.adapters().entrySet());
    Path first = adapters.isEmpty() ? null : adapters.getFirst().getValue();
    Path model = settings.model().model();
    Tokenizer tokenizer = Session.tokenizer(model, first, machine);
    Map<String, ChatPrompts> prompts = new LinkedHashMap<>();
    for (Map.Entry<String, Path> adapter : adapters) {
      prompts.put(adapter.getKey(), ChatPrompts.of(settings, adapter.getValue(), tokenizer));
    }
    ChatPrompts base = base(settings, prompts, tokenizer);
    Session session =
        Session.load(settings.model(), null, tokenizer, settings.memory(), machine, warnings);
    try {
      for (Map.Entry<String, Path> adapter : adapters) {
        session.attach(adapter.getKey(), adapter.getValue());
        boolean anyBase = settings.model().anyBase();
        AdapterPatterns.checkSpoken(true, adapter.getValue(), anyBase, warnings);
      }
      if (!adapters.isEmpty()) {
        session.adapters().use(adapters.getFirst().getKey());
      }
      return new Chat(session, base, prompts, settings);
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /// What the base alone is asked with: its own template, else that of the first adapter.
  private static ChatPrompts base(
      ChatSettings settings, Map<String, ChatPrompts> prompts, Tokenizer tokenizer) {
    if (!prompts.isEmpty()
        && settings.template() == null
        && !ChatTemplate.isIn(settings.model().model())) {
      return prompts.values().iterator().next();
    }
    return ChatPrompts.of(settings, null, tokenizer);
  }

  /// What makes prompts for the adapter that answers.
  private ChatPrompts prompts() {
    String adapter = adapter();
    return adapter == null ? base : Objects.requireNonNull(prompts.get(adapter));
  }

  /// Answers a message, or the last one again with another seed. An interrupt of this thread ends
  /// the answer within a token; it stays in the conversation as far as it came.
  ///
  /// @param text null: the last message again
  /// @param pieces told the answer as it comes, by another thread
  /// @throws InputException where the conversation has become too long; the message is taken back
  public Completion answer(@Nullable String text, Consumer<String> pieces) {
    ArrayNode before = said.deepCopy();
    if (text == null) {
      said.remove(said.size() - 1);
      tries++;
    } else {
      said.addObject().put("role", "user").put("content", text);
    }
    try {
      Completion answer = complete(pieces);
      said.addObject().put("role", "assistant").put("content", answer.text());
      return answer;
    } catch (InputException e) {
      said = before;
      throw e;
    }
  }

  /// Asks the last message of another adapter; the conversation stays as it is.
  ///
  /// @param adapter null: the base
  /// @throws InputException where nothing was said yet
  public Completion instead(@Nullable String adapter) {
    if (said.isEmpty()) {
      throw new InputException("nothing was said yet; say something first");
    }
    ArrayNode before = said;
    String on = adapter();
    said = said.deepCopy();
    if (answered()) {
      said.remove(said.size() - 1);
    }
    use(adapter);
    try {
      return complete(piece -> {});
    } finally {
      use(on);
      said = before;
    }
  }

  private Completion complete(Consumer<String> pieces) {
    SamplingSettings now = tries == 0 ? sampling : sampling.withSeed(sampling.seed() + tries);
    ChatPrompts with = prompts();
    return new Generation(session, now, with.turnEnd()).complete(with.ids(messages()), pieces);
  }

  /// What was said, the system's message first.
  public ArrayNode messages() {
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    if (system != null) {
      all.addObject().put("role", "system").put("content", system);
    }
    return all.addAll(said);
  }

  /// Whether the last message has an answer.
  public boolean answered() {
    return !said.isEmpty() && said.get(said.size() - 1).path("role").asString().equals("assistant");
  }

  /// Begins another conversation, with what the system says.
  public void begin() {
    said = JsonNodeFactory.instance.arrayNode();
    tries = 0;
  }

  /// Changes what the model is told before the first message.
  ///
  /// @param text null: nothing
  public void system(@Nullable String text) {
    system = text;
  }

  /// The names of the adapters.
  public List<String> adapters() {
    return session.adapters().names();
  }

  /// The adapter that answers; null: the base alone.
  public @Nullable String adapter() {
    return session.adapter();
  }

  /// Lets another adapter answer.
  ///
  /// @param name null: the base alone
  public void use(@Nullable String name) {
    if (name == null) {
      session.adapters().disable();
    } else {
      session.adapters().use(name);
      session.adapters().enable();
    }
  }

  /// How answers are sampled.
  public SamplingSettings sampling() {
    return sampling;
  }

  /// The same by key.
  public Map<String, Object> samplingValues() {
    return Schema.of(SamplingSettings.class).values(sampling);
  }

  /// Changes how answers are sampled.
  public void sampling(SamplingSettings settings) {
    sampling = settings;
    tries = 0;
  }

  /// What answers, for people.
  public String about() {
    return model + ", " + prompts().about();
  }

  @Override
  public void close() {
    session.close();
  }
}
