package dev.nudge.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.Serving;
import dev.nudge.generate.Usage;
import dev.nudge.server.experiments.AnswerFacts;
import dev.nudge.server.experiments.Arm;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.experiments.Routed;
import dev.nudge.server.experiments.Unit;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import io.helidon.webserver.CloseConnectionException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Requests that take part in an experiment: each is answered by its arm, and what came of it is
/// told. The reply names the experiment and the arm in its headers.
///
/// A shadow's second arm answers the same tokens when the first has ended, while nobody else waits,
/// a few at a time; where there is no room for it there is no pair.
///
/// Threading: that of each request, and a virtual thread for each shadow.
final class Trials {
  private static final int SHADOWS = 4; // under way at once
  private static final int FAILED = 500;

  private final Experiments experiments;
  private final ArmAdapters arms;
  private final Shared shared;
  private final Semaphore shadows = new Semaphore(SHADOWS);

  Trials(Experiments experiments, ArmAdapters arms, Shared shared) {
    this.experiments = experiments;
    this.arms = arms;
    this.shared = shared;
  }

  /// The same handler for models that are experiments too.
  Routes.Handler around(Routes.Handler handler) {
    return exchange -> {
      Routed routed = route(exchange);
      if (routed == null) {
        handler.handle(exchange);
        return;
      }
      Served served = arms.served(routed.experiment(), routed.arm());
      boolean cold = isCold(served);
      exchange.trial(served);
      exchange.header("X-Experiment", routed.experiment());
      exchange.header("X-Experiment-Arm", routed.arm().name());
      routed.await();
      AnswerFacts.Outcome outcome = AnswerFacts.Outcome.FAILED;
      try {
        handler.handle(exchange);
        outcome = AnswerFacts.Outcome.DONE;
      } catch (Exchange.Gone | CloseConnectionException | BusyException | InputException e) {
        outcome = AnswerFacts.Outcome.CANCELLED;
        throw e;
      } catch (ApiException e) {
        outcome = e.status() < FAILED ? AnswerFacts.Outcome.CANCELLED : AnswerFacts.Outcome.FAILED;
        throw e;
      } finally {
        String text = routed.shadow() == null ? null : exchange.said();
        routed.ended(routed.arm(), facts(exchange, outcome, cold, digest(text)));
      }
      shadow(exchange, routed);
    };
  }

  private @Nullable Routed route(Exchange exchange) {
    Fields fields = exchange.body();
    String usual = exchange.client().usual();
    String named = ChatRoute.or(fields.text("model"), "");
    String model = named.isEmpty() && usual != null ? usual : named;
    if (!experiments.has(model) || !exchange.client().mayAsk(model)) {
      return null; // who may not is told so where it is looked for
    }
    exchange.asked(model);
    return experiments.route(model, unit(exchange, fields), own(exchange, exchange.requestId()));
  }

  /// A request's id as experiments know it: ids may come from clients, so two may give the same.
  static String own(Exchange exchange, String request) {
    return exchange.client().name() + "/" + request;
  }

  private Unit unit(Exchange exchange, Fields fields) {
    return Unit.of(
        exchange.header("X-Experiment-Unit"),
        fields.text("user"),
        fields.text("safety_identifier"),
        shared.settings().apiKeys() == null ? null : exchange.client().name(),
        conversation(fields));
  }

  /// What all requests of a conversation begin with: its messages up to the user's first. Responses
  /// call them `input`.
  private static @Nullable String conversation(Fields fields) {
    JsonNode messages = fields.node(fields.has("messages") ? "messages" : "input");
    if (messages == null || !messages.isArray()) {
      return null;
    }
    List<JsonNode> first = new ArrayList<>();
    for (JsonNode message : messages) {
      first.add(message);
      if (message.path("role").asString("").equals("user")) {
        return Sha256.of(Json.line(first).getBytes(UTF_8));
      }
    }
    return null;
  }

  private boolean isCold(Served served) {
    String digest = served.digest();
    return digest != null
        && shared.session().cache().loaded().stream().noneMatch(l -> l.digest().equals(digest));
  }

  /// What tells equal answers of two arms.
  private static @Nullable String digest(@Nullable String text) {
    return text == null ? null : Sha256.of(text.getBytes(UTF_8));
  }

  private static AnswerFacts facts(
      Exchange exchange, AnswerFacts.Outcome outcome, boolean cold, @Nullable String answer) {
    RequestOutcome what = exchange.outcome("");
    return new AnswerFacts(
        exchange.answerId(),
        outcome,
        what.completionTokens() <= 1 && "stop".equals(what.finish()), // the end token alone
        what.promptTokens(),
        what.completionTokens(),
        what.firstSeconds() > 0 ? what.firstSeconds() : null,
        what.seconds(),
        cold,
        answer);
  }

  private void shadow(Exchange exchange, Routed routed) {
    Arm arm = routed.shadow();
    List<GenerationRequest> requests = exchange.requests();
    if (arm == null || requests.size() != 1 || !shadows.tryAcquire()) {
      return;
    }
    GenerationRequest request = requests.getFirst().withClient("shadow").withLow();
    Thread.ofVirtual()
        .name("nudge-shadow")
        .start(
            () -> {
              try {
                answer(routed, arm, request);
              } catch (RuntimeException e) {
                // no room, or the server ends: no pair
              } finally {
                shadows.release();
              }
            });
  }

  private void answer(Routed routed, Arm arm, GenerationRequest request) {
    Served served = arms.served(routed.experiment(), arm);
    Unseen unseen = new Unseen();
    try (AdapterCache.Lease lease = shared.lease(served)) {
      Serving.Running running =
          shared.session().serving().start(request.withAdapter(lease), unseen);
      Usage usage = running.await();
      if (unseen.what instanceof InputException
          || unseen.what instanceof BusyException
          || unseen.interrupted) {
        return;
      }
      AnswerFacts done =
          new AnswerFacts(
              "shadow-" + Exchange.random(),
              unseen.what == null ? AnswerFacts.Outcome.DONE : AnswerFacts.Outcome.FAILED,
              unseen.what == null && unseen.empty,
              usage.promptTokens(),
              usage.completionTokens(),
              usage.firstTokenSeconds(),
              usage.seconds(),
              true, // its times say how long it waited for others
              digest(unseen.text));
      routed.ended(arm, done);
    }
  }

  /// Takes an unseen answer, or what it failed with, or that it was cut off.
  private static final class Unseen implements Consumer<AnswerEvent> {
    private volatile @Nullable Throwable what;
    private volatile boolean interrupted;
    private volatile boolean empty;
    private volatile @Nullable String text;

    @Override
    public void accept(AnswerEvent event) {
      switch (event) {
        case AnswerEvent.Done(int choice, Completion completion) -> done(choice, completion);
        case AnswerEvent.Failed(Throwable failure) -> what = failure;
        case AnswerEvent.Prompted _, AnswerEvent.Piece _, AnswerEvent.Ended _ -> {}
      }
    }

    private void done(int choice, Completion completion) {
      if (choice == 0) {
        text = completion.text();
        empty = completion.tokens() <= 1 && Reply.finish(completion.stop()).equals("stop");
      }
      interrupted |= completion.stop() == Completion.Stop.INTERRUPTED;
    }
  }
}
