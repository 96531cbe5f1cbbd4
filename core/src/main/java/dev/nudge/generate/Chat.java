package dev.nudge.generate;

import dev.nudge.data.ChatRows;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Schema;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.ChatSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.text.chat.Harmony;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// A conversation with a model: messages that a chat template turns into a prompt, and answers.
///
/// Threading: one thread.
public final class Chat implements AutoCloseable {
  private final Session session;
  private final ChatSettings settings;
  private final Map<String, ChatRows> rows = new HashMap<>(); // of each adapter; "": the base
  private SamplingSettings sampling;
  private @Nullable String system;
  private ArrayNode said = JsonNodeFactory.instance.arrayNode();
  private final Set<Integer> cut = new HashSet<>(); // places of answers that are not whole
  private long tries;
  private @Nullable Generation generation; // of the latest answer

  private Chat(Session session, ChatSettings settings) {
    this.session = session;
    this.settings = settings;
    this.sampling = settings.sampling();
    this.system = settings.system();
  }

  /// Loads a model with its adapters, uses the first of them, and begins a conversation.
  ///
  /// @param warnings receives one line per warning
  /// @throws InputException if the settings, the model or an adapter is wrong
  public static Chat open(ChatSettings settings, Machine machine, Consumer<String> warnings) {
    Map<String, Path> adapters = settings.adapters();
    Path first = adapters.isEmpty() ? null : adapters.values().iterator().next();
    Tokenizer tokenizer = Session.tokenizer(settings.model().model(), first, machine);
    rows(settings, first, tokenizer); // refused before anything is loaded
    Session session =
        Session.load(settings.model(), null, tokenizer, settings.memory(), machine, warnings);
    try {
      boolean anyBase = settings.model().anyBase();
      adapters.forEach(
          (name, folder) -> {
            session.attach(name, folder);
            AdapterPatterns.checkSpoken(true, folder, anyBase, warnings);
            AdapterPatterns.checkSystem(settings.system(), folder, anyBase, warnings);
            AdapterPatterns.checkTemplate(
                settings.template(), settings.model().model(), folder, warnings);
          });
      if (!adapters.isEmpty()) {
        session.adapters().use(adapters.keySet().iterator().next());
      }
      Chat chat = new Chat(session, settings);
      chat.sampling(settings.sampling());
      return chat;
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /// The adapter whose template a model is asked by: its own; where it has none and the model
  /// neither, that of the first adapter that has one.
  ///
  /// @param adapter that answers; null: the base alone
  private static @Nullable Path asked(ChatSettings settings, @Nullable Path adapter) {
    if (adapter != null && ChatTemplate.isIn(adapter)
        || ChatTemplate.isIn(settings.model().model())) {
      return adapter;
    }
    return settings.adapters().values().stream()
        .filter(ChatTemplate::isIn)
        .findFirst()
        .orElse(adapter);
  }

  /// What makes prompts by a chat template: the settings', the adapter's or the model's.
  ///
  /// @param adapter that answers; null: the base alone
  /// @throws InputException where there is no template, or none that is understood
  private static ChatRows rows(ChatSettings settings, @Nullable Path adapter, Tokenizer tokenizer) {
    ChatRows rows =
        ChatRows.of(
            settings.model().model(),
            asked(settings, adapter),
            settings.template(),
            TrainOn.ASSISTANT,
            tokenizer);
    try {
      rows.template();
    } catch (InputException e) {
      Identity identity = adapter == null ? null : Identity.read(adapter, true);
      if (settings.template() != null
          || identity == null
          || !Boolean.FALSE.equals(identity.conversations())) {
        throw e;
      }
      throw new InputException(
          "adapter %s was trained on prompts, and there is no chat template; ask it by nudge generate, or by /v1/completions of nudge serve, or train it on messages"
              .formatted(adapter),
          e);
    }
    return rows;
  }

  /// What makes prompts for the adapter that answers; made when it is asked first.
  private ChatRows rows() {
    String adapter = adapter();
    Path folder = adapter == null ? null : settings.adapters().get(adapter);
    return rows.computeIfAbsent(
        adapter == null ? "" : adapter, name -> rows(settings, folder, session.tokenizer()));
  }

  /// Answers a message, or the last one again with another seed. An interrupt of this thread ends
  /// the answer within a token; the partial answer stays in the conversation.
  ///
  /// @param text null: the last message again
  /// @param pieces receives the answer's text as it is decoded, on another thread
  /// @throws InputException if there is no answer to retry, or the conversation is too long; after
  ///     any failure the conversation is as it was
  public Completion answer(@Nullable String text, Consumer<String> pieces) {
    ArrayNode before = said.deepCopy();
    long tried = tries;
    if (text == null) {
      if (!answered()) {
        throw new InputException("there is no answer yet to try again");
      }
      said.remove(said.size() - 1);
      tries++;
    } else {
      said.addObject().put("role", "user").put("content", text);
    }
    try {
      Answered answered = complete(pieces);
      Completion answer = answered.completion;
      cut.remove(said.size());
      if (answer.stop() == Completion.Stop.LENGTH || answer.stop() == Completion.Stop.INTERRUPTED) {
        cut.add(said.size());
      }
      said.addObject().put("role", "assistant").put("content", answered.content);
      return answer;
    } catch (RuntimeException | Error e) {
      said = before;
      tries = tried;
      throw e;
    }
  }

  /// Answers the last message by another adapter, without changing the conversation.
  ///
  /// @param adapter null: the base model
  /// @throws InputException if there is no message yet
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
      return complete(piece -> {}).completion;
    } finally {
      use(on);
      said = before;
    }
  }

  /// @param content what a later prompt shows of it
  private record Answered(Completion completion, String content) {}

  private Answered complete(Consumer<String> pieces) {
    SamplingSettings now = tries == 0 ? sampling : sampling.withSeed(sampling.seed() + tries);
    ChatRows with = rows();
    Generation asked = generation;
    if (asked == null || !asked.is(now, with.turnEnd())) {
      asked = new Generation(session, now, with.turnEnd()); // compiles what answers must match
      generation = asked;
    }
    int[] prompt;
    try {
      prompt = with.prompt(messages(), null).ids();
    } catch (IllegalArgumentException e) { // the template refuses the conversation
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
    if (!session.tokenizer().asksForChannels(prompt)) {
      Completion answer = asked.complete(prompt, pieces);
      return new Answered(answer, answer.text());
    }
    Harmony answer = new Harmony();
    Completion completion =
        asked.complete(prompt, piece -> pieces.accept(answer.written(answer.push(piece))));
    pieces.accept(answer.written(answer.end()));
    return new Answered(completion, answer.said());
  }

  /// The messages of the conversation, the system message first.
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

  /// Clears the conversation, except for the system message.
  public void begin() {
    said = JsonNodeFactory.instance.arrayNode();
    cut.clear();
    tries = 0;
  }

  /// Sets the system message.
  ///
  /// @param text null: none
  public void system(@Nullable String text) {
    system = text;
  }

  /// The names of the adapters.
  public List<String> adapters() {
    return session.adapters().names();
  }

  /// The adapter in use; null: the base model alone.
  public @Nullable String adapter() {
    return session.adapter();
  }

  /// Switches to another adapter.
  ///
  /// @param name null: the base model alone
  public void use(@Nullable String name) {
    if (name == null) {
      session.adapters().disable();
    } else {
      session.adapters().use(name);
      session.adapters().enable();
    }
  }

  /// The sampling settings of the next answer.
  public SamplingSettings sampling() {
    return sampling;
  }

  /// The sampling settings by key.
  public Map<String, Object> samplingValues() {
    return Schema.of(SamplingSettings.class).values(sampling);
  }

  /// The system message; null: none.
  public @Nullable String system() {
    return system;
  }

  /// Number of answers in this conversation that were interrupted or cut at the maximum length.
  public int cut() {
    return cut.size();
  }

  /// Resets one sampling setting to its value at the beginning.
  ///
  /// @param key the setting's key, such as `temperature`
  public void resetSampling(String key) {
    Schema<SamplingSettings> schema = Schema.of(SamplingSettings.class);
    Object first = schema.values(settings.sampling()).get(key);
    Map<String, Object> values = new LinkedHashMap<>();
    schema
        .values(sampling)
        .forEach(
            (name, value) -> {
              Object kept = name.equals(key) ? first : value;
              if (kept != null) {
                values.put(name, kept);
              }
            });
    sampling(schema.read(List.of(Layer.of(values))));
  }

  /// Sets the sampling settings of the next answers.
  ///
  /// @throws InputException if a conversation cannot be sampled with them
  public void sampling(SamplingSettings wanted) {
    ChatSettings.check(wanted);
    generation = new Generation(session, wanted, rows().turnEnd()); // refuses what cannot be
    sampling = wanted;
    tries = 0;
  }

  /// Describes model and chat template in one line.
  public String about() {
    return settings.model().model() + ", " + rows().template().place();
  }

  @Override
  public void close() {
    session.close();
  }
}
