module shop

go 1.22

require (
	github.com/DataDog/datadog-lambda-go v1.32.0
	github.com/aws/aws-lambda-go v1.46.0
	gopkg.in/DataDog/dd-trace-go.v1 v1.74.6
)
