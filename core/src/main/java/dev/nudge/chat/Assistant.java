package dev.nudge.chat;

import dev.nudge.constrain.Constraint;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.Serving;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Registry;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.Warnings;
import java.nio.file.Path;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Answers conversations in this process: one base, an adapter for each question, tools, thoughts
/// and JSON schemas as the server has them.
///
///     try (Assistant assistant =
///         Assistant.open(ModelSettings.of(model), null, null, Machine.here())) {
///       assistant.name("support", "support@champion");
///       Answer answer = assistant.ask(Question.of("Hello").withAdapter("support"));
///     }
///
/// Threading: any number of threads; questions are answered side by side.
public final class Assistant implements AutoCloseable {
  private static final int MOST_SCHEMAS = 64; // compiled ones that are kept

  private final Session session;
  private final ChatTemplates templates;
  private final AdapterPlaces places;
  private final Recent<Schema, Constraint> schemas = new Recent<>(MOST_SCHEMAS);
  private final Consumer<String> warnings;
  private final AtomicBoolean warned = new AtomicBoolean();
  private volatile @Nullable Usual usual; // null: nobody chose

  private record Usual(@Nullable String adapter) {}

  private record Schema(String text, @Nullable Integer turnEnd) {}

  private Assistant(
      Session session, ChatTemplates templates, Registry registry, Consumer<String> warnings) {
    this.session = session;
    this.templates = templates;
    this.places = new AdapterPlaces(registry);
    this.warnings = warnings;
  }

  /// Loads a base. Warnings are logged ([Warnings]).
  ///
  /// @param template a file or a name that comes before those of adapters and the model; null: none
  /// @param registry where references are found; null: [Registry#home]
  public static Assistant open(
      ModelSettings settings, @Nullable String template, @Nullable Path registry, Machine machine) {
    return open(settings, template, registry, machine, Warnings.logged());
  }

  /// Loads a base.
  ///
  /// @param template a file or a name that comes before those of adapters and the model; null: none
  /// @param registry where references are found; null: [Registry#home]
  /// @param warnings told one line each
  /// @throws InputException in one line, for whatever a user can mend
  public static Assistant open(
      ModelSettings settings,
      @Nullable String template,
      @Nullable Path registry,
      Machine machine,
      Consumer<String> warnings) {
    Registry references = Registry.open(registry == null ? Registry.home() : registry);
    Session session = Session.load(settings, null, machine, warnings);
    session.cache(); // its memory is taken off that of keys before the first answer
    return new Assistant(
        session,
        new ChatTemplates(settings.model(), template, session.tokenizer(), warnings),
        references,
        warnings);
  }

  /// Gives a name to an adapter. As long as no other adapter has one and [#usual] was not called,
  /// it answers questions that name none.
  ///
  /// @param place a folder or a reference, looked up at each question
  /// @throws InputException where there is none now
  public Assistant name(String name, String place) {
    places.name(name, place);
    return this;
  }

  /// Says which adapter answers questions that name none; null: the base. Where nobody says so, it
  /// is the one adapter that has a name; where several have, the base answers and a warning says
  /// so.
  ///
  /// @throws InputException where there is none now
  public Assistant usual(@Nullable String adapter) {
    if (adapter != null) {
      places.find(adapter);
    }
    usual = new Usual(adapter);
    return this;
  }

  /// Answers a question. An interrupt of this thread ends the answer within a token.
  ///
  /// @throws InputException where it cannot be answered as it is
  /// @throws BusyException where too many questions wait already
  public Answer ask(Question question) {
    CompletableFuture<Answer> whole = new CompletableFuture<>();
    Serving.Running running =
        ask(
            question,
            new AnswerListener() {
              @Override
              public void part(AnswerText.Part part) {}

              @Override
              public void done(Answer answer) {
                whole.complete(answer);
              }

              @Override
              public void failed(Throwable failure) {
                whole.completeExceptionally(failure);
              }
            });
    running.await();
    try {
      return whole.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw e;
    }
  }

  /// Begins to answer a question. Who cancels it gets what there is, as [Answer.End#CANCELLED].
  ///
  /// @throws InputException where it cannot be answered as it is
  /// @throws BusyException where too many questions wait already
  public Serving.Running ask(Question question, AnswerListener listener) {
    String asked = question.adapter() == null ? usual() : question.adapter();
    AdapterPlaces.Found found = asked == null ? null : places.find(asked);
    Tools tools = Tools.of(question.tools(), question.toolChoice());
    ChatTemplates.Prompt prompt =
        templates.of(
            String.valueOf(asked),
            found == null ? null : found.digest(),
            found == null ? null : found.folder(),
            question.messages().deepCopy(),
            tools.shown(),
            question.variables());
    ToolFormat format = ToolFormat.of(prompt.template());
    Integer turnEnd = prompt.turnEnd();
    String schema = tools.schema(format, question.jsonSchema());
    Constraint constraint =
        schema == null ? null : schemas.get(new Schema(schema, turnEnd), this::compiled);
    ChatText.Rules rules = ChatText.Rules.of(prompt, tools, format, constraint != null);
    boolean oneCall = tools.must() || format.callsOne(prompt.template());
    GenerationRequest request =
        GenerationRequest.of(prompt.ids(), question.sampling())
            .withClient(question.client())
            .withTurnEnd(turnEnd)
            .withConstraint(constraint);
    String digest = found == null ? null : found.digest();
    Told told = new Told(new AnswerText(rules, oneCall), digest, listener);
    try (AdapterCache.Lease lease = found == null ? null : places.lease(session.cache(), found)) {
      return session.serving().start(request.withAdapter(lease), told);
    }
  }

  /// null: the base.
  private @Nullable String usual() {
    Usual chosen = usual;
    if (chosen != null) {
      return chosen.adapter;
    }
    SortedMap<String, String> names = places.names();
    Set<String> adapters = Set.copyOf(names.values());
    if (adapters.size() > 1 && !warned.getAndSet(true)) {
      warnings.accept(
          "a question names no adapter, and more than one has a name (%s): the base answers it; name one in each request's model, or choose by Assistant.usual(\"%s\"), usual(null) for the base"
              .formatted(String.join(", ", names.keySet()), names.firstKey()));
    }
    return adapters.size() == 1 ? names.firstKey() : null;
  }

  private Constraint compiled(Schema schema) {
    return session.serving().jsonSchema(schema.text, schema.turnEnd);
  }

  /// The most tokens of an answer where a question should say none: what the model takes, but no
  /// more than a quarter of the keys that there is memory for.
  public int usualTokens() {
    return session.usualTokens();
  }

  /// What answers, for whatever else is to be asked of it.
  public Session session() {
    return session;
  }

  /// Ends what is under way and frees everything.
  @Override
  public void close() {
    session.close();
  }
}
