package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StartupRehearsalTest {
  @Test
  void whatIsRehearsedSucceeds() {
    List<Integer> codes = new ArrayList<>();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(errors, true, StandardCharsets.UTF_8);
    StartupRehearsal.run(
        1, command -> codes.add(Main.run(command.toArray(String[]::new), stream, stream)));
    assertThat(codes).as(errors.toString(StandardCharsets.UTF_8)).containsExactly(0, 0, 0, 0, 0, 0);
  }
}
