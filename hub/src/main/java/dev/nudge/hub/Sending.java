package dev.nudge.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow.Subscriber;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// The body of a request, with the time at which the connection last accepted a piece.
///
/// Java's client can limit only the total time of a request, which a slow connection needs. A limit
/// on the time between two pieces ends only requests that make no progress.
///
/// Threading: the client reads the body on its own thread while the sender waits.
final class Sending implements BodyPublisher {
  private final BodyPublisher body;
  private volatile long moved = System.nanoTime();

  Sending(BodyPublisher body) {
    this.body = body;
  }

  @Override
  public long contentLength() {
    return body.contentLength();
  }

  @Override
  public void subscribe(Subscriber<? super ByteBuffer> to) {
    body.subscribe(
        new Subscriber<>() {
          @Override
          public void onSubscribe(Subscription subscription) {
            to.onSubscribe(subscription);
          }

          @Override
          public void onNext(ByteBuffer piece) {
            moved = System.nanoTime();
            to.onNext(piece);
          }

          @Override
          public void onError(Throwable why) {
            to.onError(why);
          }

          @Override
          public void onComplete() {
            to.onComplete();
          }
        });
  }

  /// Sends a request with this body and waits for the headers of its answer.
  ///
  /// @param longest longest wait for each piece of the body, and for the answer
  /// @throws HttpTimeoutException if a wait was longer
  HttpResponse<InputStream> answer(HttpClient client, HttpRequest request, Duration longest)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<InputStream>> answer =
        client.sendAsync(request, BodyHandlers.ofInputStream());
    try {
      while (true) {
        long left = longest.toNanos() - (System.nanoTime() - moved);
        if (left <= 0) {
          throw new HttpTimeoutException("nothing moved for " + longest.toSeconds() + " seconds");
        }
        try {
          return answer.get(left, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
          // a piece may have been accepted meanwhile
        }
      }
    } catch (ExecutionException e) {
      switch (Objects.requireNonNullElse(e.getCause(), e)) {
        case IOException failed -> throw failed;
        case IllegalArgumentException wrong -> throw wrong;
        default -> throw new IOException(String.valueOf(e.getMessage()), e);
      }
    } finally {
      answer.cancel(true); // if it is still pending
    }
  }
}
