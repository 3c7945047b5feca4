import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * The sink's baseline: each line of a file into an object of its own, with the client that the sink uses and nothing else.
 * For each bucket that is named on standard input the lines are put once more, and the seconds that took are printed.
 */
class PutLoop {
  public static void main(String[] arguments) throws Exception {
    URI endpoint = URI.create(arguments[0]);
    List<String> lines = Files.readAllLines(Path.of(arguments[1]));
    int threads = Integer.parseInt(arguments[2]);
    var pool = Executors.newFixedThreadPool(threads);
    try (S3Client s3 =
            S3Client.builder()
                .endpointOverride(endpoint)
                .region(Region.US_EAST_1)
                .forcePathStyle(true)
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .httpClientBuilder(ApacheHttpClient.builder().maxConnections(threads))
                .build();
        var input = new java.io.BufferedReader(new java.io.InputStreamReader(System.in))) {
      for (String bucket = input.readLine(); bucket != null; bucket = input.readLine()) {
        String target = bucket;
        AtomicInteger next = new AtomicInteger();
        Callable<Void> worker =
            () -> {
              for (int n = next.getAndIncrement(); n < lines.size(); n = next.getAndIncrement()) {
                String key = String.format("topics/%s/partition=0/%s+0+%010d.json", target, target, n);
                RequestBody body = RequestBody.fromString(lines.get(n) + "\n");
                s3.putObject(request -> request.bucket(target).key(key).contentType("application/json"), body);
              }
              return null;
            };
        long start = System.nanoTime();
        for (Future<Void> done : pool.invokeAll(java.util.Collections.nCopies(threads, worker))) {
          done.get();
        }
        System.out.println((System.nanoTime() - start) / 1e9);
      }
    }
    pool.shutdown();
  }
}
