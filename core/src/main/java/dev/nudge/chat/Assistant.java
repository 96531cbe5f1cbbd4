package dev.nudge.chat;

import dev.nudge.constrain.Constraint;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.Serving;
import dev.nudge.generate.Session;
import dev.nudge.generate.Usage;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Registry;
import dev.nudge.settings.JavaNames;
import dev.nudge.settings.Warnings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.StringJoiner;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Answers conversations in this process on one base model: an adapter per question, tools,
/// reasoning and JSON schemas, as the server does.
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

  /// Loads a base model. Warnings are logged ([Warnings]).
  ///
  /// @param template file or name of one chat template for all adapters; null: none
  /// @param registry registry that resolves references; null: [Registry#home]
  public static Assistant open(
      ModelSettings settings, @Nullable String template, @Nullable Path registry, Machine machine) {
    return open(settings, template, registry, machine, Warnings.logged());
  }

  /// Loads a base model.
  ///
  /// @param template file or name of one chat template for all adapters; null: none
  /// @param registry registry that resolves references; null: [Registry#home]
  /// @param warnings receives one line per warning
  /// @throws InputException if settings, model or template are wrong
  public static Assistant open(
      ModelSettings settings,
      @Nullable String template,
      @Nullable Path registry,
      Machine machine,
      Consumer<String> warnings) {
    return javaNamed(() -> loaded(settings, template, registry, machine, warnings));
  }

  private static Assistant loaded(
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

  /// Names an adapter. The only named adapter is the default of questions that name none, unless
  /// [#usual] sets another.
  ///
  /// @param place a folder or a registry reference, resolved anew for each question
  /// @throws InputException if there is no such adapter now
  public Assistant name(String name, String place) {
    places.name(name, place);
    return this;
  }

  /// Sets the default adapter of questions that name none; null: the base model. Without this call
  /// the only named adapter is the default; if several have names, the base model is, with a
  /// warning.
  ///
  /// @throws InputException if there is no such adapter now
  public Assistant usual(@Nullable String adapter) {
    if (adapter != null) {
      places.find(adapter);
    }
    usual = new Usual(adapter);
    return this;
  }

  /// Answers a question. An interrupt of this thread ends the answer within a token.
  ///
  /// @throws InputException if the question cannot be answered as it is
  /// @throws BusyException if too many questions are queued
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
        return javaNamed(
            () -> {
              throw failure;
            });
      }
      throw e;
    }
  }

  /// Streams an answer. [Serving.Running#cancel] ends it early, as [Answer.End#CANCELLED].
  ///
  /// @throws InputException if the question cannot be answered as it is
  /// @throws BusyException if too many questions are queued
  public Serving.Running ask(Question question, AnswerListener listener) {
    return javaNamed(() -> started(question, listener));
  }

  private Serving.Running started(Question question, AnswerListener listener) {
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
    AnswerText.Rules rules = AnswerText.Rules.of(prompt, tools, format, constraint != null);
    boolean oneCall = tools.must() || format.callsOne(prompt.template());
    GenerationRequest request =
        GenerationRequest.of(prompt.ids(constraint != null), question.sampling())
            .withClient(question.client())
            .withTurnEnd(turnEnd)
            .withConstraint(constraint);
    String digest = found == null ? null : found.digest();
    StringJoiner warning = new StringJoiner("; ");
    if (found != null) {
      AdapterPatterns.checkSpoken(true, String.valueOf(asked), found.folder(), true, warning::add);
    }
    ListenerCalls told =
        new ListenerCalls(
            new AnswerText(rules, oneCall),
            digest,
            warning.length() == 0 ? null : warning.toString(),
            listener);
    try (AdapterCache.Lease lease = found == null ? null : places.lease(session.cache(), found)) {
      return session.serving().start(request.withAdapter(lease), told);
    }
  }

  /// Names in errors the withers of the settings that a caller has in hand.
  private static <T> T javaNamed(Supplier<T> call) {
    return JavaNames.in(List.of(ModelSettings.class, SamplingSettings.class), call);
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

  /// Default for the maximum tokens of an answer: what the model allows, but no more than a quarter
  /// of the KV cache.
  public int usualTokens() {
    return session.usualTokens();
  }

  /// The session that answers, for embeddings, scores and the rest of its API.
  public Session session() {
    return session;
  }

  /// Ends running answers and frees all memory.
  @Override
  public void close() {
    session.close();
  }

  /// Turns the events of a session's answer into calls of an [AnswerListener].
  ///
  /// Threading: the session's thread of the request.
  private static final class ListenerCalls implements Consumer<AnswerEvent> {
    private final AnswerText text;
    private final @Nullable String adapter;
    private final @Nullable String warning;
    private final AnswerListener listener;
    private @Nullable Completion completion;
    private @Nullable Throwable failure;

    ListenerCalls(
        AnswerText text,
        @Nullable String adapter,
        @Nullable String warning,
        AnswerListener listener) {
      this.text = text;
      this.adapter = adapter;
      this.warning = warning;
      this.listener = listener;
    }

    @Override
    public void accept(AnswerEvent event) {
      switch (event) {
        case AnswerEvent.Prompted _ -> {}
        case AnswerEvent.Piece piece -> tell(() -> text.push(piece.text()).forEach(listener::part));
        case AnswerEvent.Done done -> {
          tell(() -> text.end().forEach(listener::part));
          completion = done.completion();
        }
        case AnswerEvent.Failed failed -> failure = failed.failure();
        case AnswerEvent.Ended ended -> end(ended.usage());
      }
    }

    /// Calls the listener. What it fails with ends the answer, and is told as its failure.
    private void tell(Runnable parts) {
      try {
        parts.run();
      } catch (RuntimeException | Error e) {
        failure = e;
        throw e;
      }
    }

    private void end(Usage usage) {
      Completion whole = completion;
      if (failure != null) {
        listener.failed(failure);
      } else if (whole != null) {
        Answer.End end = end(whole.stop());
        listener.done(
            new Answer(text.said(), text.thought(), text.calls(), end, adapter, warning, usage));
      }
    }

    private Answer.End end(Completion.Stop stop) {
      return switch (stop) {
        case LENGTH -> Answer.End.LENGTH;
        case INTERRUPTED -> Answer.End.CANCELLED;
        case EOS, STRING, TOKEN -> text.calls().isEmpty() ? Answer.End.STOP : Answer.End.TOOL_CALLS;
      };
    }
  }
}
