package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.RunningRequest;
import dev.nudge.generate.Serving;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.BusyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Runs the generations of one request: starts them, takes their events, passes them to a [Reply],
/// and cancels them within a token if the client disconnects or the timeout passes.
///
/// Threading: the request's thread, which alone blocks on a client that reads slowly; the engine's
/// thread only fills the queue of the [RunningRequest].
///
/// @param answer for the extension, once complete; null: not to be captured
/// @param copies times to repeat each choice: greedy choices are all equal
record Answering(
    ServerContext shared,
    Exchange exchange,
    Reply reply,
    ServerExtension.@Nullable Answer answer,
    int copies) {
  private static final int LOOK_MILLIS = 50; // between checks of the client

  /// Generates for prompts, each with its number of choices; choices are ordered by prompt.
  ///
  /// @throws ApiException to send to the client
  void answer(Served served, List<GenerationRequest> requests) {
    long begun = System.nanoTime();
    Serving serving = shared.session().serving();
    int choices = requests.stream().mapToInt(GenerationRequest::n).sum();
    serving.fits(exchange.client().name(), choices);
    shared.running().begin(served);
    try (Constraints.Use _ = shared.constraints().use(requests.getFirst().constraint());
        AdapterCache.Lease lease = shared.lease(served)) {
      exchange.watch();
      RunningRequest running =
          serving.start(requests.stream().map(request -> request.withAdapter(lease)).toList());
      String finish = "abort";
      try {
        finish = tell(running, choices, begun);
      } finally {
        running.close();
        exchange.spent(spent(running.usage()), finish);
      }
      if (answer != null) {
        shared.extension().answered(answer); // before the client can give feedback
      }
      reply.end(spent(running.usage()));
    } catch (IOException | UncheckedIOException e) {
      throw new Exchange.Gone(e);
    } catch (BusyException e) {
      throw ApiException.busy("queue_full", e.retryAfterSeconds(), String.valueOf(e.getMessage()));
    } finally {
      shared.running().end(served);
    }
  }

  /// Passes events to the reply until all choices have ended.
  ///
  /// @return the finish reason of the first choice
  private String tell(RunningRequest running, int choices, long begun) throws IOException {
    long limit = TimeUnit.SECONDS.toNanos(shared.settings().requestTimeout());
    String finish = "";
    for (int left = choices; left > 0; ) {
      AnswerEvent event = next(running);
      if (!exchange.connected()) {
        throw new Exchange.Gone(new IOException("the client closed its connection"));
      }
      if (System.nanoTime() - begun > limit) {
        throw ApiException.late(shared.settings().requestTimeout());
      }
      if (event == null) {
        reply.idle();
        continue;
      }
      if (event instanceof AnswerEvent.Failed(Throwable failure)) {
        throw failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
      }
      reply.take(event, copies);
      if (event instanceof AnswerEvent.Done(int choice, Completion completion)) {
        left--;
        if (choice == 0) {
          finish = Reply.finish(completion.stop());
          exchange.said(completion.text());
        }
      }
    }
    return finish;
  }

  private static @Nullable AnswerEvent next(RunningRequest running) {
    try {
      return running.next(LOOK_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiException.stopping();
    }
  }

  private Usage spent(Usage usage) {
    return usage.withCompletionTokens(usage.completionTokens() * copies);
  }
}
