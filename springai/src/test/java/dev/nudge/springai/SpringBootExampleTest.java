package dev.nudge.springai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Goldens;
import dev.nudge.format.Json;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;

/// Compiles the application of `examples/spring-boot`, starts it and asks it by HTTP.
@Timeout(1800)
class SpringBootExampleTest {
  private static final Path SOURCE =
      Path.of("../examples/spring-boot/src/main/java/com/example/Answers.java");
  private static final Path ONE = Goldens.ADAPTER;

  @TempDir Path classes;

  @Test
  void theExampleCompilesAndAnswersThroughAnAdapterOfTheRequestOrItsOwn() throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    int compiled =
        compiler.run(
            null,
            null,
            null,
            "-parameters",
            "-proc:none",
            "-cp",
            System.getProperty("java.class.path"),
            "-d",
            classes.toString(),
            SOURCE.toString());
    assertThat(compiled).isZero();
    try (var loader =
        new java.net.URLClassLoader(
            new java.net.URL[] {classes.toUri().toURL()}, getClass().getClassLoader())) {
      Thread thread = Thread.currentThread();
      ClassLoader before = thread.getContextClassLoader();
      thread.setContextClassLoader(loader);
      Class<?> application = loader.loadClass("com.example.Answers");
      try {
        String one;
        Map<String, Object> two =
            Map.of(
                "nudge.adapters.support", ONE.toString(),
                "nudge.adapters.other", Goldens.OTHER.toString());
        try (ConfigurableApplicationContext context = start(application, two)) {
          one = ask(port(context));
          for (String route : List.of("answer", "stream")) {
            for (String wrong : List.of("nobody", encoded(ONE), "support@champion", "src")) {
              String url = "http://127.0.0.1:%s/%s?question=hello&adapter=%s";
              assertThat(asked(url.formatted(port(context), route, wrong)).statusCode())
                  .as(route + " " + wrong)
                  .isEqualTo(400);
            }
          }
        }
        try (ConfigurableApplicationContext context =
            start(application, Map.of("nudge.adapters.support", ONE.toString()))) {
          assertThat(get("http://127.0.0.1:" + port(context) + "/answer?question=hello"))
              .isEqualTo(one);
        }
      } finally {
        thread.setContextClassLoader(before);
      }
    }
  }

  private static String port(ConfigurableApplicationContext context) {
    return context.getEnvironment().getRequiredProperty("local.server.port");
  }

  private static ConfigurableApplicationContext start(
      Class<?> application, Map<String, Object> more) {
    SpringApplication spring = new SpringApplication(application);
    StandardEnvironment environment = new StandardEnvironment();
    environment.getPropertySources().addFirst(new MapPropertySource("more", more));
    environment
        .getPropertySources()
        .addFirst(
            new MapPropertySource(
                "test",
                Map.of(
                    "server.port", "0",
                    "spring.main.banner-mode", "off",
                    "logging.level.root", "warn",
                    "nudge.model", Goldens.MODEL.toString(),
                    "nudge.template", Goldens.TEMPLATE.toString(),
                    "nudge.registry", "target/no-registry")));
    spring.setEnvironment(environment);
    return spring.run();
  }

  /// What the adapter says.
  private static String ask(String port) throws Exception {
    String url = "http://127.0.0.1:" + port;
    String base = get(url + "/answer?question=hello");
    String one = get(url + "/answer?question=hello&adapter=support");
    String stream = get(url + "/stream?question=hello&adapter=support");
    assertThat(one).isNotEmpty().isNotEqualTo(base);
    assertThat(get(url + "/answer?question=hello")).isEqualTo(base);
    StringBuilder said = new StringBuilder();
    for (String line : stream.split("\n", -1)) {
      if (line.startsWith("data:")) {
        said.append(Json.parse(line.substring("data:".length())).path("text").asString());
      }
    }
    assertThat(said).hasToString(one);
    return one;
  }

  private static String encoded(Path path) {
    return URLEncoder.encode(path.toString(), StandardCharsets.UTF_8);
  }

  private static HttpResponse<String> asked(String url) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
    }
  }

  private static String get(String url) throws Exception {
    HttpResponse<String> response = asked(url);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return response.body();
  }
}
