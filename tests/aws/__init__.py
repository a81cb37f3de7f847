"""What AWS would be asked for. `./halab test --aws` runs these, with packages of their own."""
