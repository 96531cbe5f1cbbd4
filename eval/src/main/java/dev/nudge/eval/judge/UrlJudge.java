package dev.nudge.eval.judge;

import dev.nudge.chat.Question;
import dev.nudge.eval.judge.ChatClient.Patience;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ObjIntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Judges with an OpenAI-compatible server, several requests at a time. The verdict stands alone
/// on the last line of a reply, so a model may reason first; an unreadable verdict is not guessed.
///
/// Requests use temperature 0, but few servers are exactly deterministic; the cached verdicts are
/// authoritative.
///
/// Threading: one thread at a time.
public final class UrlJudge implements Judge {
  private static final int AT_ONCE = 8; // parallel requests

  private final ChatClient client;
  private final Rubric rubric;
  private final String identity;
  private final Supplier<ExecutorService> threads;

  private UrlJudge(
      ChatClient client, Rubric rubric, String identity, Supplier<ExecutorService> threads) {
    this.client = client;
    this.rubric = rubric;
    this.identity = identity;
    this.threads = threads;
  }

  /// Creates a judge for a server without sending a request.
  ///
  /// @param url such as `https://api.example.com/v1`
  /// @param model the model name in requests
  /// @param key sent as a bearer token, to this address only; null: none
  /// @throws InputException if the URL is invalid
  public static UrlJudge at(String url, String model, @Nullable String key, Rubric rubric) {
    return at(url, model, key, rubric, Patience.USUAL, Executors::newVirtualThreadPerTaskExecutor);
  }

  /// Creates a judge with another retry policy and thread factory, for tests.
  static UrlJudge at(
      String url,
      String model,
      @Nullable String key,
      Rubric rubric,
      Patience patience,
      Supplier<ExecutorService> threads) {
    String address = address(url);
    return new UrlJudge(
        new ChatClient(URI.create(address), model, key, patience),
        rubric,
        String.join("\n", "url", address, model, rubric.text()),
        threads);
  }

  /// Returns the URL of the chat completions endpoint.
  private static String address(String url) {
    URI uri;
    try {
      uri = new URI(url.strip());
    } catch (URISyntaxException e) {
      throw wrong(url);
    }
    String scheme = String.valueOf(uri.getScheme());
    if (!scheme.matches("(?i)https?") || uri.getHost() == null) {
      throw wrong(url);
    }
    if (uri.getRawUserInfo() != null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
      throw new InputException(
          "--judge is a URL with more than an address in it (before an @, or behind a ? or #); give"
              + " a key by --judge-key-file");
    }
    String plain = uri.toString().replaceAll("/+$", "");
    return plain.endsWith(ChatClient.PATH) ? plain : plain + ChatClient.PATH;
  }

  private static InputException wrong(String url) {
    return new InputException(
        "--judge is %s; it must be a model folder, or a URL such as http://127.0.0.1:8080/v1"
            .formatted(url.contains("@") ? "no address" : "'" + url + "'")); // may be secret
  }

  /// Checks a URL without sending a request.
  ///
  /// @throws InputException if the URL is invalid
  static void check(String url) {
    address(url);
  }

  /// Whether a URL sends questions and key unencrypted over a network.
  static boolean isOpen(String url) {
    URI uri = URI.create(address(url));
    return "http".equalsIgnoreCase(uri.getScheme()) && !Loopback.is(uri.getHost());
  }

  /// Reads an API key from a file.
  ///
  /// @throws InputException if there is none; the message shows no content of the file
  static String key(Path file) {
    String key;
    try {
      // Latin-1 decodes any bytes; an invalid key is refused below
      key = Files.readString(file, StandardCharsets.ISO_8859_1).lines().findFirst().orElse("");
      key = key.strip();
    } catch (IOException e) {
      throw new InputException(
          "--judge-key-file " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
    if (key.isEmpty() || !key.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new InputException(
          "--judge-key-file "
              + file
              + " has no key on its first line; it is printable ASCII without spaces");
    }
    return key;
  }

  @Override
  public String identity() {
    return identity;
  }

  @Override
  public void ask(List<Question> questions, ObjIntConsumer<Reply> told) {
    ExecutorService asking = threads.get();
    List<Future<Reply>> asked = new ArrayList<>();
    int next = 0;
    try {
      for (; next < questions.size(); next++) {
        while (asked.size() < Math.min(questions.size(), next + AT_ONCE)) {
          String prompt = rubric.of(questions.get(asked.size()));
          asked.add(asking.submit(() -> client.ask(prompt)));
        }
        told.accept(asked.get(next).get(), next);
      }
    } catch (ExecutionException e) {
      saidMeanwhile(asked, next, told);
      throw e.getCause() instanceof RuntimeException cause
          ? cause
          : new RunException("the judge cannot be asked: " + e.getCause(), e);
    } catch (InterruptedException e) {
      saidMeanwhile(asked, next, told);
      Thread.currentThread().interrupt();
      throw new RunException("interrupted: some answers are not judged", e);
    } finally {
      asking.shutdownNow();
    }
  }

  /// Reports the replies that have already arrived after a failure, because they were paid for.
  private static void saidMeanwhile(
      List<Future<Reply>> asked, int from, ObjIntConsumer<Reply> told) {
    for (int i = from; i < asked.size(); i++) {
      if (asked.get(i).state() == Future.State.SUCCESS) {
        told.accept(asked.get(i).resultNow(), i);
      }
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
