package dev.nudge.align;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.TrainSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RewardsTest {
  private static final RewardClasses NO_JARS = RewardClasses.of(List.of());

  @TempDir Path temp;

  private static Sample sample(String completion, int tokens) {
    return new Sample("2 + 3 =", completion, tokens, true, Map.of("answer", "5", "of", List.of(2)));
  }

  private static RewardSource source(String given) {
    return TrainSettings.of(
            Map.of(
                "model",
                "m",
                "data",
                "d",
                "out",
                "o",
                "objective",
                "grpo",
                "reward",
                List.of(given)))
        .objective()
        .rollouts()
        .rewards()
        .getFirst();
  }

  private static double value(String given, Sample sample) {
    Reward reward = Objects.requireNonNull(Rewards.of(source(given), NO_JARS));
    return Rewards.ask(reward, List.of(sample)).getFirst().value();
  }

  @ParameterizedTest
  @CsvSource({
    "exact:{answer}, ' 5 ', 1, 1",
    "exact:{answer}, 5., 2, 0",
    "exact:is {answer}, is 5, 1, 1",
    "regex:/[0-9]+/, about 7, 1, 1",
    "regex:/YES/, yes, 1, 0",
    "regex:/YES/i, oh yes, 1, 1",
    "length:4, x, 4, 1",
    "length:4, x, 5, 0.75",
    "length:4, x, 9, 0",
    "json, ' {\"a\": [1]} ', 1, 1",
    "json, {\"a\": 1} so, 1, 0",
    "json, '', 1, 0"
  })
  void textsHaveTheirWorth(String reward, String completion, int tokens, double worth) {
    assertThat(value(reward, sample(completion, tokens))).isEqualTo(worth);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"team\": \"water\", \"code\": 12}; 1",
        "' {\"code\":\t12e0, \"team\":\n\"control\"} '; 1", // in any layout and order
        "{\"team\": \"water\", \"code\": 12.5}; 0",
        "{\"team\": \"water\"}; 0",
        "{\"team\": \"else\", \"code\": 12}; 0",
        "{\"team\": \"water\", \"code\": 12, \"code\": 12}; 0",
        "{\"team\": \"water\", \"code\": 1e999999999}; 0", // and at once
        "{\"team\": \"water\", \"code\": 12} so; 0",
        "''; 0"
      })
  void aSchemaIsFulfilledOrNot(String completion, int worth) throws IOException {
    Path schema =
        Files.writeString(
            temp.resolve("schema.json"),
            """
            {"type": "object", "required": ["team", "code"], "additionalProperties": false,
             "properties": {"team": {"enum": ["water", "control"]}, "code": {"type": "integer"}}}
            """);
    assertThat(value("json:" + schema, sample(completion, 9))).isEqualTo(worth);
  }

  @Test
  void aSchemaIsReadBeforeARun() throws IOException {
    Path schema = temp.resolve("schema.json");
    assertThatThrownBy(() -> Rewards.of(source("json:" + schema), NO_JARS))
        .isInstanceOf(InputException.class)
        .hasMessage("--reward json:" + schema + " cannot be read: no such file or folder");
    Files.writeString(schema, "{\"items\": {\"not\": {}}}");
    assertThatThrownBy(() -> Rewards.of(source("json:" + schema), NO_JARS))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            "--reward json:" + schema + ": the schema at #/items: the keyword 'not' is not");
  }

  @ParameterizedTest
  @CsvSource({
    "regex:/a=1/, regex:/a=1/, 1",
    "regex:/a=1/=-2.5, regex:/a=1/, -2.5",
    "exact:{answer}=1e-1, exact:{answer}, 0.1",
    "url:http://h/p?k=v, url:http://h/p?k=v, 1",
    "echo=3, echo, 3"
  })
  void aWeightStandsBehind(String given, String text, double weight) {
    assertThat(source(given).text()).isEqualTo(text);
    assertThat(source(given).weight()).isEqualTo(weight);
  }

  @Test
  void samplesKeepTheirOrder() {
    Reward reward = Objects.requireNonNull(Rewards.of(source("length:100"), NO_JARS));
    List<Sample> samples = IntStream.range(0, 60).mapToObj(i -> sample("x", 100 + i)).toList();
    List<Rewards.Result> said = Rewards.ask(reward, samples);
    for (int i = 0; i < said.size(); i++) {
      assertThat(said.get(i).value()).isEqualTo(Math.clamp(2 - (100 + i) / 100.0, 0, 1));
    }
  }

  @Test
  void aClassIsFoundByItsName() {
    assertThat(value("echo", sample("x", 3))).isEqualTo(3);
    assertThat(value("echo", sample("xy", 3))).isNaN();
    assertThatThrownBy(() -> Rewards.of(source("eco"), NO_JARS))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--reward eco: no such reward; there are exact, regex, length, json, adapter and url,"
                + " and of Java classes echo (--reward-jar)");
  }

  @Test
  void aBrokenClassOfTheClassPathDoesNoHarmUntilAClassIsNamed() throws IOException {
    Path services = temp.resolve("META-INF/services/" + Reward.class.getName());
    Files.createDirectories(services.getParent());
    Files.writeString(services, "no.such.Class\n");
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    try (URLClassLoader broken = new URLClassLoader(new URL[] {temp.toUri().toURL()}, before)) {
      thread.setContextClassLoader(broken);
      RewardClasses classes = RewardClasses.of(List.of());
      assertThat(Rewards.of(source("length:5"), classes)).isNotNull();
      assertThatThrownBy(() -> Rewards.of(source("own"), classes))
          .isInstanceOf(InputException.class)
          .hasMessage("--reward: class no.such.Class not found");
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  @Test
  void aClassOfAJarIsFoundByItsName() throws IOException {
    Path jar = RewardJar.of(temp.resolve("jar"), "sample.tokens()", "");
    RewardClasses classes = RewardClasses.of(List.of(jar.toString()));
    Reward own = Objects.requireNonNull(Rewards.of(source("own"), classes));
    assertThat(Rewards.ask(own, List.of(sample("x", 3))).getFirst().value()).isEqualTo(1.5);
    assertThat(Rewards.of(source("echo"), classes)).isNotNull(); // of the class path
  }

  @Test
  void aJarWhoseClassCannotBeMadeIsRefusedInOneLine() throws IOException {
    Path jar =
        RewardJar.of(
            temp.resolve("jar"), "1", "if (true) throw new IllegalStateException(\"no key\");");
    assertThatThrownBy(() -> RewardClasses.of(List.of(jar.toString())))
        .isInstanceOf(InputException.class)
        .hasMessage("--reward-jar %s: class own.Own could not be instantiated: no key", jar);
    byte[] later = Files.readAllBytes(temp.resolve("jar/own/Own.class"));
    later[7] += 40; // the class file's version
    Files.write(temp.resolve("jar/own/Own.class"), later);
    Path newer = RewardJar.packed(temp.resolve("jar"));
    assertThatThrownBy(() -> RewardClasses.of(List.of(newer.toString())))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--reward-jar %s: own/Own has been compiled by", newer);
  }

  @Test
  void aRewardThatDoesNotAnswerIsLeftAndInterrupted() throws InterruptedException {
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    Reward reward =
        new Reward() {
          @Override
          public String name() {
            return "slow";
          }

          @Override
          public double of(Sample sample) throws InterruptedException {
            try {
              never.await();
              return 1;
            } catch (InterruptedException e) {
              interrupted.countDown();
              throw e;
            }
          }
        };
    assertThat(Rewards.ask(reward, List.of(sample("x", 1)), Duration.ofMillis(20)))
        .containsExactly(new Rewards.Result(Double.NaN, "no answer in 0 seconds"));
    interrupted.await();
  }

  @Test
  void aServerSaysWhatACompletionIsWorth() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          var asked =
              Json.parse(
                  new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          String answer =
              switch (asked.path("completion").asString("")) {
                case "number" -> "0.25";
                case "none" -> "{}";
                case "long" -> " ".repeat(2 << 20) + "0.25";
                default -> "{\"reward\": " + asked.path("row").path("answer").asString("") + "}";
              };
          byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(answer.equals("{}") ? 500 : 200, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
    try {
      String url = "url:http://127.0.0.1:" + server.getAddress().getPort() + "/";
      assertThat(value(url, sample("number", 1))).isEqualTo(0.25);
      assertThat(value(url, sample("other", 1))).isEqualTo(5);
      Reward reward = Objects.requireNonNull(Rewards.of(source(url), NO_JARS));
      assertThat(Rewards.ask(reward, List.of(sample("none", 1))))
          .containsExactly(new Rewards.Result(Double.NaN, "status 500"));
      assertThat(Rewards.ask(reward, List.of(sample("long", 1))))
          .containsExactly(
              new Rewards.Result(Double.NaN, "the answer is longer than 1048576 bytes"));
    } finally {
      server.stop(0);
    }
  }

  /// A reward of these tests: the tokens of a completion, and a failure where it has an even number
  /// of characters.
  public static final class Echo implements Reward {
    @Override
    public String name() {
      return "echo";
    }

    @Override
    public double of(Sample sample) {
      if (sample.completion().length() % 2 == 0) {
        throw new IllegalStateException("nothing there");
      }
      return sample.tokens();
    }
  }
}
