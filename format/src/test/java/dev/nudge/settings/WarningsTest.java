package dev.nudge.settings;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.ChildJvm;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Warns without a consumer where SLF4J has no provider. `LoggedWarningsTest` of `nudge-spring-ai`
/// has one.
class WarningsTest {
  public static void main(String[] args) {
    Warnings.logged().accept("nobody hears this");
    System.out.println("done");
  }

  @Test
  void withoutAProviderNothingIsSaid() throws IOException {
    List<String> command = new ArrayList<>(ChildJvm.command(List.of(), "", new Object[0]));
    String path =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(jar -> !jar.matches(".*(slf4j-nop|logback|log4j).*"))
            .collect(joining(File.pathSeparator));
    command.subList(command.indexOf("-cp") + 1, command.size()).clear();
    command.addAll(List.of(path, WarningsTest.class.getName()));
    assertThat(ChildJvm.run(command).output()).containsExactly("done");
  }
}
