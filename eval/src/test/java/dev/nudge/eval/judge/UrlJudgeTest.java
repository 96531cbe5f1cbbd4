package dev.nudge.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import dev.nudge.Certificate;
import dev.nudge.eval.judge.ChatClient.Patience;
import dev.nudge.eval.judge.FakeServer.Answer;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Asks a server of chat completions that fails in many ways.
@Timeout(1800)
class UrlJudgeTest {
  private static final String KEY = "sk-very-secret-0123456789";
  private static final Rubric RUBRIC = new Rubric("{question}|{answer_a}|{answer_b}");
  private static final Patience SHORT =
      new Patience(Duration.ofMinutes(5), Duration.ofMillis(5), Duration.ofSeconds(2), 3);
  private static final Judge.Question QUESTION = new Judge.Question("q", "one", "two", null);

  @TempDir Path folder;

  private static UrlJudge judge(String url, Patience patience) {
    return UrlJudge.at(
        url, "large", KEY, RUBRIC, patience, Executors::newVirtualThreadPerTaskExecutor);
  }

  /// A judge whose threads count down when a reply is where the judge finds it.
  private static UrlJudge judge(FakeServer server, CountDownLatch replies) {
    return UrlJudge.at(
        server.url(),
        "large",
        KEY,
        RUBRIC,
        SHORT,
        () ->
            new ThreadPoolExecutor(8, 8, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>()) {
              @Override
              protected void afterExecute(Runnable task, @Nullable Throwable failure) {
                replies.countDown();
              }
            });
  }

  private static List<Judge.Reply> ask(
      FakeServer server, Patience patience, Judge.Question... all) {
    Judge.@Nullable Reply[] replies = new Judge.@Nullable Reply[all.length];
    try (UrlJudge judge = judge(server.url(), patience)) {
      judge.ask(List.of(all), (reply, i) -> replies[i] = reply);
    }
    List<Judge.Reply> told = new ArrayList<>();
    for (Judge.Reply reply : replies) {
      assertThat(reply).isNotNull();
      told.add(reply);
    }
    return told;
  }

  private static Judge.Reply ask(FakeServer server) {
    return ask(server, SHORT, QUESTION).getFirst();
  }

  @Test
  void aQuestionIsOneMessageAndTheKeyABearerToken() {
    try (FakeServer server = new FakeServer((n, body) -> Answer.says("Both are fine.\n\nB"))) {
      Judge.Reply reply = ask(server);
      assertThat(reply).isEqualTo(new Judge.Reply(Choice.B, "Both are fine.\n\nB"));
      assertThat(server.paths).containsExactly("POST /v1/chat/completions");
      assertThat(server.keys).containsExactly("Bearer " + KEY);
      JsonNode body = server.bodies.getFirst();
      assertThat(body.path("model").asString()).isEqualTo("large");
      assertThat(body.path("temperature").doubleValue()).isZero();
      assertThat(FakeServer.asked(body)).isEqualTo("q|one|two");
    }
  }

  @Test
  void manyQuestionsKeepTheirNumbers() {
    // of two that are asked at once, whoever is asked later is answered sooner
    CountDownLatch[] odd = new CountDownLatch[20];
    Arrays.setAll(odd, i -> new CountDownLatch(1));
    FakeServer.Script script =
        (n, body) -> {
          int number = Integer.parseInt(FakeServer.asked(body).replaceAll("\\|.*", ""));
          if (number % 2 == 0) {
            odd[number / 2].await();
          }
          odd[number / 2].countDown();
          return Answer.says(number % 2 == 0 ? "A" : "B");
        };
    try (FakeServer server = new FakeServer(script)) {
      Judge.Question[] all = new Judge.Question[40];
      for (int i = 0; i < all.length; i++) {
        all[i] = new Judge.Question(String.valueOf(i), "x", "y", null);
      }
      List<Judge.Reply> replies = ask(server, SHORT, all);
      for (int i = 0; i < all.length; i++) {
        assertThat(replies.get(i).choice()).isEqualTo(i % 2 == 0 ? Choice.A : Choice.B);
      }
      assertThat(server.bodies).hasSize(40);
    }
  }

  @Test
  void aCertificateThatIsNotTrustedIsToldAtOnce() throws Exception {
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    AtomicInteger greetings = new AtomicInteger();
    server.setHttpsConfigurator(
        new HttpsConfigurator(Certificate.in(folder)) {
          @Override
          public void configure(HttpsParameters parameters) {
            greetings.incrementAndGet();
            super.configure(parameters);
          }
        });
    server.start();
    String url = "https://127.0.0.1:%d/v1".formatted(server.getAddress().getPort());
    try (UrlJudge judge = judge(url, SHORT)) {
      assertThatThrownBy(() -> judge.ask(List.of(QUESTION), (reply, i) -> {}))
          .isInstanceOf(RunException.class)
          .hasMessage(
              "the judge "
                  + url
                  + "/chat/completions cannot be reached: this Java does not trust its certificate;"
                  + " NUDGE_JAVA_OPTS=-Djavax.net.ssl.trustStore=FILE says who is trusted");
      assertThat(greetings).hasValue(1);
    } finally {
      server.stop(0);
    }
  }

  @Test
  void aGreetingThatIsCutOffIsTriedAgain() throws Exception {
    AtomicInteger greetings = new AtomicInteger();
    try (ServerSocket cut = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual()
          .start(
              () -> {
                while (!cut.isClosed()) {
                  try (Socket greeted = cut.accept()) {
                    greeted.getInputStream().read();
                    greetings.incrementAndGet();
                  } catch (IOException e) {
                    return; // closed
                  }
                }
              });
      String url = "https://127.0.0.1:%d/v1".formatted(cut.getLocalPort());
      try (UrlJudge judge = judge(url, SHORT)) {
        assertThatThrownBy(() -> judge.ask(List.of(QUESTION), (reply, i) -> {}))
            .isInstanceOf(RunException.class)
            .hasMessageContaining("3 times")
            .hasMessageNotContaining("certificate");
      }
    }
    assertThat(greetings.get()).isGreaterThanOrEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 500, 502, 503, 504, 529})
  void whatMayPassIsTriedAgain(int status) {
    try (FakeServer server =
        new FakeServer((n, body) -> n < 2 ? Answer.of(status, "busy") : Answer.says("TIE"))) {
      assertThat(ask(server).choice()).isEqualTo(Choice.TIE);
      assertThat(server.bodies).hasSize(3);
    }
  }

  @Test
  void aServerThatStaysInTroubleIsToldOfInOneLine() {
    String body = "{\"error\": {\"message\": \"over\\nload of " + KEY + "\"}}";
    try (FakeServer server = new FakeServer((n, b) -> Answer.of(500, body))) {
      assertThatThrownBy(() -> ask(server))
          .isInstanceOf(RunException.class)
          .hasMessage(
              "the judge %s/chat/completions answers 500: over load of ***, 3 times; try again later"
                  .formatted(server.url()));
      assertThat(server.bodies).hasSize(3);
    }
  }

  @Test
  void theServerSaysHowLongToWait() {
    try (FakeServer server =
        new FakeServer(
            (n, b) ->
                n == 0 ? new Answer(429, List.of("Retry-After", "1"), "") : Answer.says("A"))) {
      long begun = System.nanoTime();
      assertThat(ask(server).choice()).isEqualTo(Choice.A);
      assertThat(System.nanoTime() - begun).isGreaterThan(900_000_000L);
    }
    String later =
        DateTimeFormatter.RFC_1123_DATE_TIME.format(
            ZonedDateTime.now(ZoneOffset.UTC).plusSeconds(3600));
    try (FakeServer server =
        new FakeServer((n, b) -> new Answer(429, List.of("Retry-After", later), ""))) {
      assertThatThrownBy(() -> ask(server))
          .isInstanceOf(RunException.class)
          .hasMessageMatching(
              "the judge .* answers 429 and asks to wait for 3,[56]\\d\\d seconds; try again then");
      assertThat(server.bodies).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"<html>hello</html>", "{\"choices\": []}", "{\"choi", "[1]", ""})
  void whatIsNoCompletionIsTriedAgainAndTold(String body) {
    try (FakeServer server = new FakeServer((n, b) -> Answer.of(200, body))) {
      assertThatThrownBy(() -> ask(server))
          .isInstanceOf(RunException.class)
          .hasMessageContaining("answers with something else than a chat completion")
          .message()
          .doesNotContain("\n");
      assertThat(server.bodies).hasSize(3);
      server.script((n, b) -> n == 0 ? Answer.of(200, body) : Answer.says("a"));
      assertThat(ask(server).choice()).isEqualTo(Choice.A);
    }
  }

  @Test
  void anAnswerThatIsLateIsNotWaitedForForever() {
    Patience hurried =
        new Patience(Duration.ofMillis(150), Duration.ofMillis(5), Duration.ofSeconds(1), 2);
    FakeServer.Script late =
        (n, b) -> {
          new CountDownLatch(1).await(); // until the server is closed
          return Answer.says("A");
        };
    try (FakeServer server = new FakeServer(late)) {
      assertThatThrownBy(() -> ask(server, hurried, QUESTION))
          .isInstanceOf(RunException.class)
          .hasMessageContaining("does not answer in time, 2 times");
    }
  }

  @Test
  void whereNobodyListensIsSaid() {
    String url;
    try (FakeServer server = new FakeServer((n, b) -> Answer.says("A"))) {
      url = server.url();
    }
    try (UrlJudge judge = judge(url, SHORT)) {
      assertThatThrownBy(() -> judge.ask(List.of(QUESTION), (reply, i) -> {}))
          .isInstanceOf(RunException.class)
          .hasMessage(
              "the judge %s/chat/completions cannot be reached, 3 times; try again later"
                  .formatted(url));
    }
  }

  @Test
  void aRedirectIsNotFollowedSoTheKeyGoesNowhereElse() {
    try (FakeServer other = new FakeServer((n, b) -> Answer.says("A"));
        FakeServer server =
            new FakeServer(
                (n, b) -> new Answer(307, List.of("Location", other.url() + "?token=abc"), ""))) {
      assertThatThrownBy(() -> ask(server))
          .isInstanceOf(RunException.class)
          .hasMessageContaining(
              "it sends to " + other.url() + "?token=***, and the key is not sent there");
      assertThat(other.keys).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "401, give a key that may do this by --judge-key-file",
    "403, give a key that may do this by --judge-key-file",
    "404, 'is it the address of the server''s chat completions, and --judge-model one of its"
        + " models?'"
  })
  void whatWillNotPassIsToldAtOnceAndTheKeyNever(int status, String hint) {
    String echo = "{\"error\": {\"message\": \"wrong key " + KEY + "\"}}";
    try (FakeServer server = new FakeServer((n, b) -> Answer.of(status, echo))) {
      assertThatThrownBy(() -> ask(server))
          .isInstanceOf(RunException.class)
          .hasMessage(
              "the judge %s/chat/completions answers %d: wrong key ***; %s"
                  .formatted(server.url(), status, hint));
      assertThat(server.bodies).hasSize(1);
    }
  }

  @Test
  void aSettingThatAServerRefusesIsLeftOutFromThenOn() {
    FakeServer.Script script =
        (n, body) -> {
          for (String name : List.of("temperature", "max_tokens")) {
            if (body.has(name)) {
              return Answer.of(400, "{\"error\": {\"message\": \"Unsupported: '" + name + "'\"}}");
            }
          }
          return Answer.says("B");
        };
    try (FakeServer server = new FakeServer(script);
        UrlJudge judge = UrlJudge.at(server.url(), "large", null, RUBRIC)) {
      Set<Choice> choices = new TreeSet<>();
      judge.ask(List.of(QUESTION), (reply, i) -> choices.add(reply.choice()));
      assertThat(server.bodies).hasSize(3);
      judge.ask(List.of(QUESTION), (reply, i) -> choices.add(reply.choice()));
      assertThat(server.bodies).hasSize(4);
      assertThat(choices).containsExactly(Choice.B);
      assertThat(server.keys).containsOnly("null");
    }
    try (FakeServer server = new FakeServer((n, b) -> Answer.of(400, "{\"error\": \"no\"}"))) {
      assertThatThrownBy(() -> ask(server)).hasMessageEndingWith("answers 400: no");
    }
  }

  @Test
  void aPairThatTheServerCannotTakeIsNotReadAndTheOthersAre() {
    String tooLong =
        "{\"error\": {\"message\": \"This model's maximum context length is 8192 tokens\"}}";
    FakeServer.Script script =
        (n, body) ->
            FakeServer.asked(body).startsWith("long") ? Answer.of(400, tooLong) : Answer.says("A");
    try (FakeServer server = new FakeServer(script)) {
      List<Judge.Reply> replies =
          ask(server, SHORT, new Judge.Question("long", "x", "y", null), QUESTION);
      assertThat(replies.get(0).choice()).isNull();
      assertThat(replies.get(0).said()).contains("maximum context length is 8192");
      assertThat(replies.get(1).choice()).isEqualTo(Choice.A);
    }
    String nothing =
        "{\"choices\": [{\"message\": {\"content\": null}, \"finish_reason\": \"length\"}]}";
    try (FakeServer server = new FakeServer((n, b) -> Answer.of(200, nothing))) {
      assertThat(ask(server)).isEqualTo(new Judge.Reply(null, "no text (finish_reason length)"));
    }
  }

  @Test
  void theLastLineOfATextThatIsCutIsNoVerdict() {
    String cut =
        "{\"choices\": [{\"message\": {\"content\": \"B is better, and so I say:\\nA\"},"
            + " \"finish_reason\": \"REASON\"}]}";
    try (FakeServer server =
        new FakeServer((n, b) -> Answer.of(200, cut.replace("REASON", "length")))) {
      assertThat(ask(server)).isEqualTo(new Judge.Reply(null, "B is better, and so I say:\nA"));
      server.script((n, b) -> Answer.of(200, cut.replace("REASON", "stop")));
      assertThat(ask(server).choice()).isEqualTo(Choice.A);
    }
  }

  @Test
  void theKeyStandsInNoReply() {
    try (FakeServer server = new FakeServer((n, b) -> Answer.says("You sent " + KEY + ".\nA"))) {
      assertThat(ask(server)).isEqualTo(new Judge.Reply(Choice.A, "You sent ***.\nA"));
      assertThat(UrlJudge.at(server.url(), "large", KEY, RUBRIC).identity()).doesNotContain(KEY);
    }
  }

  @Test
  void whatOthersHaveSaidIsToldWhereOneFails() {
    CountDownLatch others = new CountDownLatch(3);
    FakeServer.Script script =
        (n, body) -> {
          if (FakeServer.asked(body).startsWith("bad")) {
            others.await();
            return Answer.of(401, "no");
          }
          return Answer.says("A");
        };
    Set<Integer> told = new TreeSet<>();
    try (FakeServer server = new FakeServer(script);
        UrlJudge judge = judge(server, others)) {
      List<Judge.Question> questions =
          List.of(
              QUESTION,
              new Judge.Question("bad", "x", "y", null),
              new Judge.Question("third", "x", "y", null),
              new Judge.Question("fourth", "x", "y", null));
      assertThatThrownBy(() -> judge.ask(questions, (reply, i) -> told.add(i)))
          .isInstanceOf(RunException.class);
      assertThat(told).containsExactly(0, 2, 3);
    }
  }

  @Test
  void whatOthersHaveSaidIsToldWhereWeAreInterrupted() {
    Thread asking = Thread.currentThread();
    CountDownLatch others = new CountDownLatch(2);
    FakeServer.Script script =
        (n, body) -> {
          if (FakeServer.asked(body).startsWith("slow")) {
            others.await();
            asking.interrupt();
            new CountDownLatch(1).await(); // until the server is closed
          }
          return Answer.says("A");
        };
    Set<Integer> told = new TreeSet<>();
    try (FakeServer server = new FakeServer(script);
        UrlJudge judge = judge(server, others)) {
      List<Judge.Question> questions =
          List.of(
              QUESTION,
              new Judge.Question("slow", "x", "y", null),
              new Judge.Question("third", "x", "y", null));
      assertThatThrownBy(() -> judge.ask(questions, (reply, i) -> told.add(i)))
          .isInstanceOf(RunException.class)
          .hasMessage("interrupted: some answers are not judged");
      assertThat(Thread.interrupted()).isTrue();
      assertThat(told).containsExactly(0, 2);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          http://            | --judge is 'http://'; it must be a model folder, or a URL such as http://127.0.0.1:8080/v1
          http://a b/v1      | --judge is 'http://a b/v1'; it must be a model folder, or a URL such as http://127.0.0.1:8080/v1
          https://me:pw@h/v1 | --judge is a URL with more than an address in it (before an @, or behind a ? or #); give a key by --judge-key-file
          https://h/v1?key=1 | --judge is a URL with more than an address in it (before an @, or behind a ? or #); give a key by --judge-key-file
          """)
  void whatIsNoAddressIsRefused(String url, String message) {
    assertThatThrownBy(() -> UrlJudge.check(url))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  @Test
  void onlyPlainHttpToElsewhereIsOpen() {
    assertThat(UrlJudge.isOpen("http://judge.example/v1")).isTrue();
    assertThat(UrlJudge.isOpen("https://judge.example/v1")).isFalse();
    assertThat(UrlJudge.isOpen("http://localhost:8080/v1/")).isFalse();
    assertThat(UrlJudge.isOpen("http://[::1]:8080/v1/chat/completions")).isFalse();
  }

  @Test
  void aKeyIsTheFirstLineOfItsFile(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("key");
    assertThatThrownBy(() -> UrlJudge.key(file))
        .isInstanceOf(InputException.class)
        .hasMessage("--judge-key-file " + file + " cannot be read: no such file or folder");
    Files.writeString(file, "  " + KEY + " \nmore\n");
    assertThat(UrlJudge.key(file)).isEqualTo(KEY);
    for (String wrong : List.of("", "\n" + KEY, "two words", "schl\u00fcssel")) {
      // as some editors save it, and what is no text
      Files.writeString(file, wrong, StandardCharsets.ISO_8859_1);
      assertThatThrownBy(() -> UrlJudge.key(file))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "--judge-key-file "
                  + file
                  + " has no key on its first line; it is printable ASCII without spaces");
    }
  }
}
