package dev.nudge.server.trials;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.RunningRequest;
import dev.nudge.generate.Serving;
import dev.nudge.generate.Usage;
import dev.nudge.server.Constraints;
import dev.nudge.server.Routes;
import dev.nudge.server.ServerExtension;
import dev.nudge.server.experiments.AnswerFacts;
import dev.nudge.server.experiments.Arm;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.experiments.Routed;
import dev.nudge.server.experiments.Unit;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.RequestOutcome;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import io.helidon.webserver.CloseConnectionException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Routes requests through A/B, canary and shadow experiments, and reports their outcomes.
/// Response headers name the experiment and the arm.
///
/// The shadow arm answers the same prompt tokens after the first arm has ended, at low priority
/// and a few at a time; without capacity there is no pair.
///
/// Threading: the request's thread, and a virtual thread per shadow answer.
final class ArmHandler {
  private static final int SHADOWS = 4; // under way at once
  private static final int FAILED = 500;

  /// Errors of a request that the arm's adapter is to blame for.
  private static final Set<String> OF_ADAPTERS =
      Set.of("adapter_not_usable", "adapter_blocked", "adapter_unavailable");

  private final Experiments experiments;
  private final ArmAdapters arms;
  private final ServerExtension.Host host;
  private final Semaphore shadows = new Semaphore(SHADOWS);

  ArmHandler(Experiments experiments, ArmAdapters arms, ServerExtension.Host host) {
    this.experiments = experiments;
    this.arms = arms;
    this.host = host;
  }

  /// Checks that an arm's adapter can answer, by loading it.
  ///
  /// @throws InputException if it cannot
  void check(Arm arm) {
    try {
      AdapterCache.Lease lease = host.lease(arms.served(arm.adapter(), arm));
      if (lease != null) {
        lease.close();
      }
    } catch (ApiException e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
  }

  /// Wraps a handler so that models may also be experiments.
  Routes.Handler around(Routes.Handler handler) {
    return exchange -> {
      Routed routed = route(exchange);
      if (routed == null) {
        handler.handle(exchange);
        return;
      }
      AnswerFacts.Outcome outcome = AnswerFacts.Outcome.FAILED;
      boolean cold = false;
      try {
        Served served = arms.served(routed.experiment(), routed.arm());
        cold = isCold(served);
        exchange.trial(served, routed.experiment(), routed.arm().name());
        routed.await();
        handler.handle(exchange);
        outcome = AnswerFacts.Outcome.DONE;
      } catch (Exchange.Gone | CloseConnectionException | BusyException | InputException e) {
        outcome = AnswerFacts.Outcome.CANCELLED;
        throw e;
      } catch (ApiException e) {
        outcome = isOfAdapter(e) ? AnswerFacts.Outcome.FAILED : AnswerFacts.Outcome.CANCELLED;
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
    String named = fields.text("model");
    String model = named == null || named.isEmpty() ? usual : named;
    if (model == null || !experiments.has(model) || !exchange.client().mayAsk(model)) {
      return null; // who may not is told so where it is looked for
    }
    exchange.asked(model);
    return experiments.route(model, unit(exchange, fields), own(exchange, exchange.requestId()));
  }

  /// A request id scoped to its client, because ids may come from clients and collide.
  static String own(Exchange exchange, String request) {
    return exchange.client().name() + "/" + request;
  }

  private Unit unit(Exchange exchange, Fields fields) {
    return Unit.of(
        exchange.header("X-Experiment-Unit"),
        fields.text("user"),
        fields.text("safety_identifier"),
        host.settings().apiKeys() == null ? null : exchange.client().name(),
        conversation(fields));
  }

  /// A digest of what all requests of a conversation share: the messages up to the first of the
  /// user (`messages`, or `input` of Responses).
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
        && host.session().cache().loaded().stream().noneMatch(l -> l.digest().equals(digest));
  }

  /// A digest for comparing the arms' answers.
  private static @Nullable String digest(@Nullable String text) {
    return text == null ? null : Sha256.of(text.getBytes(UTF_8));
  }

  private static AnswerFacts facts(
      Exchange exchange, AnswerFacts.Outcome outcome, boolean cold, @Nullable String answer) {
    RequestOutcome what = exchange.outcome("");
    return new AnswerFacts(
        exchange.answerId(),
        outcome,
        what.usage().completionTokens() <= 1 && "stop".equals(what.finish()), // the end token alone
        what.usage().promptTokens(),
        what.usage().completionTokens(),
        what.usage().firstTokenSeconds() > 0 ? what.usage().firstTokenSeconds() : null,
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

  /// Loads a shadow's adapter; one that cannot answer counts as a failed answer.
  private AdapterCache.@Nullable Lease leased(Routed routed, Arm arm) {
    try {
      return host.lease(arms.served(routed.experiment(), arm));
    } catch (ApiException e) {
      if (isOfAdapter(e)) {
        routed.ended(
            arm,
            new AnswerFacts(
                "shadow-" + Exchange.random(),
                AnswerFacts.Outcome.FAILED,
                false,
                0,
                0,
                null,
                0,
                true,
                null));
      }
      throw e;
    }
  }

  /// Whether the adapter or the server is at fault, and not the request.
  private static boolean isOfAdapter(ApiException e) {
    return e.status() >= FAILED || OF_ADAPTERS.contains(String.valueOf(e.code()));
  }

  private void answer(Routed routed, Arm arm, GenerationRequest request) {
    try (Constraints.Use _ = host.constraints().use(request.constraint());
        AdapterCache.Lease lease = leased(routed, arm)) {
      Serving serving = host.session().serving();
      RunningRequest running = serving.start(List.of(request.withAdapter(lease)));
      Completion first = null; // of choice 0
      boolean interrupted = false;
      Throwable failure = null;
      try (running) {
        for (int left = request.n(); left > 0 && failure == null; ) {
          AnswerEvent event = running.next(Long.MAX_VALUE);
          if (event instanceof AnswerEvent.Done(int choice, Completion completion)) {
            first = choice == 0 ? completion : first;
            interrupted |= completion.stop() == Completion.Stop.INTERRUPTED;
            left--;
          } else if (event instanceof AnswerEvent.Failed(Throwable why)) {
            failure = why;
          }
        }
      } catch (InterruptedException e) {
        return; // the server ends
      }
      if (failure instanceof InputException || failure instanceof BusyException || interrupted) {
        return;
      }
      Usage usage = running.usage();
      boolean empty =
          first != null && first.tokens() <= 1 && Reply.finish(first.stop()).equals("stop");
      AnswerFacts done =
          new AnswerFacts(
              "shadow-" + Exchange.random(),
              failure == null ? AnswerFacts.Outcome.DONE : AnswerFacts.Outcome.FAILED,
              failure == null && empty,
              usage.promptTokens(),
              usage.completionTokens(),
              usage.firstTokenSeconds(),
              usage.seconds(),
              true, // its times say how long it waited for others
              digest(first == null ? null : first.text()));
      routed.ended(arm, done);
    }
  }
}
