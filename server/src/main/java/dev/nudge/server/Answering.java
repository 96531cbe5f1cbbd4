package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.Completion;
import dev.nudge.generate.Gaps;
import dev.nudge.generate.Request;
import dev.nudge.generate.Serving;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.generate.Usage;
import dev.nudge.settings.BusyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Answers requests of one exchange: starts them, hands what comes to a reply, and stops them
/// within a token when the client goes away or the time is over.
///
/// Threading: the thread of the request; the session's threads only fill the queue.
final class Answering {
  private static final int LOOK_MILLIS = 50; // between two looks at the client

  private final Shared shared;
  private final Exchange exchange;
  private final Reply reply;
  private final int copies;
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

  /// What a session tells of its answers.
  private sealed interface Event {
    record Prompt(int choice, List<TokenLogprob> tokens) implements Event {}

    record Piece(int choice, String text, List<TokenLogprob> tokens) implements Event {}

    record Done(int choice, Completion completion) implements Event {}

    record Failed(Throwable failure) implements Event {}
  }

  /// @param copies how often each choice is told: greedy ones are all the same
  Answering(Shared shared, Exchange exchange, Reply reply, int copies) {
    this.shared = shared;
    this.exchange = exchange;
    this.reply = reply;
    this.copies = copies;
  }

  /// Answers prompts, each with as many choices as the request says; those of the first come first.
  ///
  /// @throws ApiException what the client is told
  void answer(Served served, List<Request> requests) {
    long begun = System.nanoTime();
    List<Serving.Running> running = new ArrayList<>();
    boolean ended = false;
    int wanted = requests.stream().mapToInt(Request::n).sum();
    shared.session().serving().fits(exchange.client().name(), wanted);
    shared.running().begin(served);
    try (AdapterCache.Lease lease = shared.lease(served)) {
      exchange.watch();
      int choice = 0;
      for (Request request : requests) {
        running.add(shared.session().serving().start(request.withAdapter(lease), listener(choice)));
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

  private Serving.Listener listener(int first) {
    return new Serving.Listener() {
      @Override
      public void prompt(List<TokenLogprob> tokens) {
        events.add(new Event.Prompt(first, tokens));
      }

      @Override
      public void piece(int choice, String text, List<TokenLogprob> tokens) {
        events.add(new Event.Piece(first + choice, text, tokens));
      }

      @Override
      public void done(int choice, Completion completion) {
        events.add(new Event.Done(first + choice, completion));
      }

      @Override
      public void failed(Throwable failure) {
        events.add(new Event.Failed(failure));
      }
    };
  }

  /// Tells everything until all choices have ended.
  ///
  /// @return why the first ended
  private String tell(int choices, long begun) throws IOException {
    long limit = TimeUnit.SECONDS.toNanos(shared.settings().requestTimeout());
    String finish = "";
    for (int left = choices; left > 0; ) {
      Event event = next();
      if (!exchange.connected()) {
        throw new Exchange.Gone(new IOException("the client closed its connection"));
      }
      if (System.nanoTime() - begun > limit) {
        throw ApiException.late(shared.settings().requestTimeout());
      }
      for (int copy = 0; copy < copies && event != null; copy++) {
        switch (event) {
          case Event.Prompt(int choice, List<TokenLogprob> tokens) ->
              reply.prompt(choice * copies + copy, tokens);
          case Event.Piece(int choice, String text, List<TokenLogprob> tokens) ->
              reply.piece(choice * copies + copy, text, tokens);
          case Event.Done(int choice, Completion completion) ->
              reply.done(choice * copies + copy, completion);
          case Event.Failed(Throwable failure) -> throw failed(failure);
        }
      }
      if (event == null) {
        reply.idle();
      } else if (event instanceof Event.Done(int choice, Completion completion)) {
        left--;
        if (choice == 0) {
          finish = Reply.finish(completion.stop());
          exchange.said(completion.text());
        }
      }
    }
    return finish;
  }

  private @Nullable Event next() {
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

  /// Counts what was spent on answers that nobody waits for any more.
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
