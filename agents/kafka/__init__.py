"""Kafka, beside Faust: appending, reading again, making topics. The only modules that speak to it for the lanes."""
