package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.Gaps;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.Serving;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.BusyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Runs the generations of one request: starts them, passes events to a [Reply], and cancels them
/// within a token if the client disconnects or the timeout passes.
///
/// Threading: the request's thread; the engine's threads only fill the queue.
final class Answering {
  private static final int LOOK_MILLIS = 50; // between two looks at the client

  private final ServerContext shared;
  private final Exchange exchange;
  private final Reply reply;
  private final int copies;
  private final BlockingQueue<QueuedEvent> events = new LinkedBlockingQueue<>();

  /// A queued event of a generation.
  ///
  /// @param first index of the generation's first choice
  /// @param n choices of the generation
  private record QueuedEvent(int first, int n, AnswerEvent event) {}

  /// @param copies how often each choice is repeated: greedy choices are all equal
  Answering(ServerContext shared, Exchange exchange, Reply reply, int copies) {
    this.shared = shared;
    this.exchange = exchange;
    this.reply = reply;
    this.copies = copies;
  }

  /// Generates for prompts, each with its number of choices; choices are ordered by prompt.
  ///
  /// @throws ApiException to send to the client
  void answer(Served served, List<GenerationRequest> requests) {
    long begun = System.nanoTime();
    Serving serving = shared.session().serving();
    List<Serving.Running> running = new ArrayList<>();
    boolean ended = false;
    int wanted = requests.stream().mapToInt(GenerationRequest::n).sum();
    serving.fits(exchange.client().name(), wanted);
    shared.running().begin(served);
    try (Constraints.Use _ = shared.constraints().use(requests.getFirst().constraint());
        AdapterCache.Lease lease = shared.lease(served)) {
      exchange.watch();
      int choice = 0;
      for (GenerationRequest request : requests) {
        int first = choice;
        running.add(
            serving.start(
                request.withAdapter(lease),
                event -> events.add(new QueuedEvent(first, request.n(), event))));
        choice += request.n();
      }
      String finish = tell(choice, begun);
      Exchange.Spent spent = spent(running);
      ended = true;
      exchange.spent(spent, finish);
      reply.end(spent);
    } catch (IOException | UncheckedIOException e) {
      throw new Exchange.Gone(e);
    } catch (BusyException e) {
      throw ApiException.busy("queue_full", e.retryAfterSeconds(), String.valueOf(e.getMessage()));
    } finally {
      shared.running().end(served);
      if (!ended) {
        running.forEach(Serving.Running::cancel);
        count(running);
      }
    }
  }

  /// Passes events to the reply until all choices have ended.
  ///
  /// @return the finish reason of the first choice
  private String tell(int choices, long begun) throws IOException {
    long limit = TimeUnit.SECONDS.toNanos(shared.settings().requestTimeout());
    String finish = "";
    for (int left = choices; left > 0; ) {
      QueuedEvent heard = next();
      if (!exchange.connected()) {
        throw new Exchange.Gone(new IOException("the client closed its connection"));
      }
      if (System.nanoTime() - begun > limit) {
        throw ApiException.late(shared.settings().requestTimeout());
      }
      if (heard == null) {
        reply.idle();
        continue;
      }
      for (int copy = 0; copy < copies; copy++) {
        tell(heard, copy);
      }
      if (heard.event instanceof AnswerEvent.Done(int choice, Completion completion)) {
        left--;
        if (heard.first + choice == 0) {
          finish = Reply.finish(completion.stop());
          exchange.said(completion.text());
        }
      }
    }
    return finish;
  }

  private void tell(QueuedEvent heard, int copy) throws IOException {
    int first = heard.first;
    switch (heard.event) {
      case AnswerEvent.Prompted(List<TokenLogprob> tokens) -> {
        for (int i = 0; i < heard.n; i++) { // they have the same prompt
          reply.prompt((first + i) * copies + copy, tokens);
        }
      }
      case AnswerEvent.Piece(int choice, String text, List<TokenLogprob> tokens) ->
          reply.piece((first + choice) * copies + copy, text, tokens);
      case AnswerEvent.Done(int choice, Completion completion) ->
          reply.done((first + choice) * copies + copy, completion);
      case AnswerEvent.Failed(Throwable failure) -> throw failed(failure);
      case AnswerEvent.Ended _ -> {} // [#spent] asks for it
    }
  }

  private @Nullable QueuedEvent next() {
    try {
      return events.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiException.stopping();
    }
  }

  private static RuntimeException failed(Throwable failure) {
    return failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
  }

  private Exchange.Spent spent(List<Serving.Running> running) {
    int prompt = 0;
    int said = 0;
    int cached = 0;
    double queue = 0;
    double first = 0;
    Gaps gaps = new Gaps();
    for (Serving.Running one : running) {
      Usage usage = one.await();
      prompt += usage.promptTokens();
      said += usage.completionTokens() * copies;
      cached += usage.cachedTokens();
      gaps.addAll(usage.gaps());
      queue = Math.max(queue, usage.queueSeconds());
      first = first == 0 ? usage.firstTokenSeconds() : Math.min(first, usage.firstTokenSeconds());
    }
    return new Exchange.Spent(prompt, said, cached, queue, first, gaps);
  }

  /// Records the usage of cancelled generations.
  private void count(List<Serving.Running> running) {
    try {
      if (!running.isEmpty()) {
        exchange.spent(spent(running), "abort");
      }
    } catch (RuntimeException | Error e) {
      // the failure that ended them is thrown already
    }
  }
}
