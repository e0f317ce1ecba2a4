// A function as people write them, with Datadog's library around it. It measures and traces what it does.
package main

import (
	"context"
	"errors"

	ddlambda "github.com/DataDog/datadog-lambda-go"
	"github.com/aws/aws-lambda-go/lambda"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

func handle(ctx context.Context, event map[string]any) (map[string]any, error) {
	order(ctx)
	for number := 1; number <= 100; number++ {
		ddlambda.Metric("shop.price", float64(number), "currency:eur")
	}
	if event["fail"] == true {
		return nil, errors.New("asked to fail")
	}
	return map[string]any{"statusCode": 200, "body": "{}"}, nil
}

func order(ctx context.Context) {
	span, ctx := tracer.StartSpanFromContext(ctx, "shop.order", tracer.ServiceName("shop"), tracer.ResourceName("order"), tracer.SpanType("web"))
	defer span.Finish()
	span.SetTag("http.url", "http://user:secret@shop.test/orders?id=7")
	text := tracer.ResourceName("SELECT * FROM orders WHERE id = 42")
	query, _ := tracer.StartSpanFromContext(ctx, "shop.query", tracer.ServiceName("shop-db"), text, tracer.SpanType("sql"))
	query.Finish()
}

func main() {
	lambda.Start(ddlambda.WrapFunction(handle, nil))
}
