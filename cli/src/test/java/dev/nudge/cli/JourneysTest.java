package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Nudge;
import dev.nudge.eval.suite.Suite;
import dev.nudge.format.Json;
import dev.nudge.hub.Hub;
import dev.nudge.quickstart.Quickstart;
import dev.nudge.server.Server;
import dev.nudge.server.trials.Trials;
import dev.nudge.text.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// Walks the journeys of `docs/architecture.md`: each method of a chain calls those behind the next
/// arrow.
class JourneysTest {
  private static final Path PAGE = Path.of("../docs/architecture.md");
  private static final Pattern HOP =
      Pattern.compile("`([A-Z]\\w*(?:\\.[A-Z]\\w*)?)\\.([a-z]\\w*)`");

  @Test
  void eachMethodOfAJourneyCallsTheNext() throws IOException {
    CallGraph graph =
        CallGraph.of(
            List.of(
                Main.class,
                Json.class,
                ChatTemplate.class,
                Nudge.class,
                Hub.class,
                Suite.class,
                Quickstart.class,
                Server.class,
                Trials.class));
    List<String> broken = new ArrayList<>();
    int found = 0;
    for (String chain : chains()) {
      String[] hops = chain.split("→");
      assertThat(hops).as(chain).hasSizeLessThanOrEqualTo(6);
      Set<CallGraph.Method> callers = Set.of();
      for (String hop : hops) {
        Set<CallGraph.Method> here = new HashSet<>();
        for (MatchResult named : HOP.matcher(hop).results().toList()) {
          Set<CallGraph.Method> methods = graph.named(named.group(1), named.group(2));
          Set<CallGraph.Method> called = graph.called(callers, methods);
          if (called.isEmpty()) {
            broken.add(named.group() + " in" + chain);
          }
          here.addAll(called.isEmpty() ? methods : called);
          found++;
        }
        callers = here;
      }
    }
    assertThat(broken).isEmpty();
    assertThat(found).isGreaterThan(100);
  }

  /// The chains of all journeys; what stands between two of them ends with a semicolon.
  private static List<String> chains() throws IOException {
    String page = Files.readString(PAGE);
    String journeys = page.split("(?m)^## Journeys$", 2)[1].split("(?m)^## ", 2)[0];
    return journeys
        .lines()
        .filter(line -> line.startsWith("- **"))
        .flatMap(line -> Pattern.compile(";").splitAsStream(line))
        .toList();
  }
}
