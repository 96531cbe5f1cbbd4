package dev.nudge.springai;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.chat.Assistant;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.ModelSettings;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/// Opens an assistant that is given no consumer of warnings, beside Spring Boot's Logback.
class LoggedWarningsTest {
  @Test
  void warningsAreInTheLogOfTheApplication() {
    Logger logger = (Logger) LoggerFactory.getLogger("dev.nudge");
    ListAppender<ILoggingEvent> seen = new ListAppender<>();
    seen.start();
    logger.addAppender(seen);
    Machine machine = new Machine(2, 2L << 30, Backends.cache(), "test");
    try (Assistant _ =
        Assistant.open(
            ModelSettings.of(Goldens.MODEL).withMaxLength(600),
            Goldens.TEMPLATE.toString(),
            Path.of("target/no-registry"),
            machine)) {
      assertThat(seen.list)
          .anySatisfy(
              event -> {
                assertThat(event.getLevel()).isEqualTo(Level.WARN);
                assertThat(event.getFormattedMessage())
                    .isEqualTo(
                        "--max-length 600 is above the model's max_position_embeddings, 512");
              });
    } finally {
      logger.detachAppender(seen);
    }
  }
}
